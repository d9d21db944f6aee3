/** Ctrl-C and SIGTERM as something that a command can listen to and then end in order. */

/** Aborts at the first of them; a second one ends the process as if nobody listened. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
  return stop.signal;
}
