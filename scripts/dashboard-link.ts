/** Where a person signs in without typing a key, for routers on this machine. */

/** The part behind `#` is never sent: the page takes the key from it, signs in, and takes it out of the address. */
export const dashboardLink = (url: string, key: string): string => `${url}/sign-in#key=${encodeURIComponent(key)}`;
