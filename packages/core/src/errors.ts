/**
 * How an attempt can end badly. A handler throws one of these, or any other error; `classify` in task.ts reads them.
 * A message says what was attempted, on what, and what to do; the original rides along as `cause`.
 */

/** Trying again cannot help (the source has no audio): the task fails at this attempt. */
export class PermanentError extends Error {
  override name = 'PermanentError';
  readonly code: string;
  constructor(message: string, options: { cause?: unknown; code?: string } = {}) {
    super(message, { cause: options.cause });
    this.code = options.code ?? 'permanent';
  }
}

/** A provider asked for patience (429, quota). The task goes back without blame and is due again after `retryAfterMs`. */
export class RateLimitedError extends Error {
  override name = 'RateLimitedError';
  readonly retryAfterMs: number;
  constructor(message: string, options: { retryAfterMs: number; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** What the work needs is not so yet, and nobody is to blame: the task goes back and is due again after `retryAfterMs`. */
export class NotYetError extends Error {
  override name = 'NotYetError';
  readonly retryAfterMs: number;
  constructor(message: string, options: { retryAfterMs: number }) {
    super(message);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** A handler gives its task to a person or an outside event: it waits until somebody resolves it. `output` is kept for them. */
export class ParkError extends Error {
  override name = 'ParkError';
  readonly output: unknown;
  constructor(message: string, options: { output?: unknown } = {}) {
    super(message);
    this.output = options.output ?? null;
  }
}

/** An ordinary failure that carries a code for `tasks.error_code`; the task is tried again by its stage's policy. */
export class RetryableError extends Error {
  override name = 'RetryableError';
  readonly code: string;
  constructor(message: string, options: { cause?: unknown; code?: string } = {}) {
    super(message, { cause: options.cause });
    this.code = options.code ?? 'error';
  }
}

/**
 * What kind of refusal a {@link UserError} is, for whoever answers with more than a sentence (the server's statuses):
 * what was given is wrong · what was named is not there · it is there, but not in a state that allows this · something
 * that is needed cannot be reached now, and trying later may help.
 */
export type UserErrorKind = 'invalid' | 'missing' | 'conflict' | 'unavailable';

/** What the operator gave is wrong, or what was named is not there: one sentence for them, no stack trace. */
export class UserError extends Error {
  override name = 'UserError';
  /** 2: wrong usage or settings; 1: the work failed, or what was named is not there or not reachable. */
  readonly exitCode: 1 | 2;
  readonly kind: UserErrorKind;
  constructor(message: string, options: { cause?: unknown; exitCode?: 1 | 2; kind?: UserErrorKind } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
    this.kind = options.kind ?? 'invalid';
  }
}

/** Why a handler's signal fired; `signal.reason` is always one of these. */
export type AbortReason = 'cancelled' | 'shutdown' | 'lease-lost' | 'stalled';

/** The error inside `signal.reason`, so that code which rethrows it is understood by the classifier. */
export class AttemptAborted extends Error {
  override name = 'AttemptAborted';
  readonly reason: AbortReason;
  constructor(reason: AbortReason, message?: string) {
    super(message ?? `attempt aborted: ${reason}`);
    this.reason = reason;
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
