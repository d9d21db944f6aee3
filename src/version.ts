/** The version of Fantail: package.json's, which a test holds equal. It is in `user-agent` and in `GET /healthz`. */
export const VERSION = "0.1.0";
