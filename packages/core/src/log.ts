/** The part of pino's logger that the packages use, so that core depends on no logger. */
export interface LogFn {
  (fields: object, event?: string): void;
  (event: string): void;
}
export interface Logger {
  debug: LogFn;
  info: LogFn;
  warn: LogFn;
  error: LogFn;
  child(fields: Record<string, unknown>): Logger;
}
