/**
 * Where Sluice tells what happened: one call a line. `fields` are flat; `code` is an error code or `stopped`,
 * `reader-left`. The default says nothing: a library does not print.
 */
export type Logger = (
  level: "info" | "warn" | "error",
  message: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

export const silent: Logger = () => {};

/** A logger that throws must not take with it what it was told of. */
export function safely(log: Logger): Logger {
  return (level, message, fields) => {
    try {
      log(level, message, fields);
    } catch {
      // There is nobody left to tell.
    }
  };
}
