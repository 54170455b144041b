/**
 * What Cloud Storage and the way to it say, first as one kind of failure (what the retries look at), then as one
 * sentence for people: what was tried, where, what to do. Pure.
 *
 * As with the local driver, all that an operator can put right without a new run (a missing bucket, a permission, the
 * network) is a {@link RetryableError}; only what can never succeed is permanent.
 */
import { messageOf, PermanentError, RetryableError } from '@reelfleet/core';
import { codeOf } from './local-errors.ts';

/**
 * `busy`: 408, 429 and 5xx. `network`: no answer, or not all of it. `stalled`: nothing moved for too long. `damaged`: a
 * checksum differs on the way. `lost`: the store forgot an upload, or some of it. `unusable`: an answer that a bucket does
 * not give, as from something in between. These are worth another try; the rest is an answer.
 */
export type FailureKind =
  | 'busy'
  | 'network'
  | 'stalled'
  | 'damaged'
  | 'lost'
  | 'unusable'
  | 'credentials'
  | 'denied'
  | 'missing'
  | 'exists'
  | 'refused';

export class GcsFailure extends Error {
  override name = 'GcsFailure';
  readonly kind: FailureKind;
  readonly status: number | null;
  /** How long the service asked us to wait. */
  readonly retryAfterMs: number | null;
  constructor(
    kind: FailureKind,
    message: string,
    options: { status?: number; retryAfterMs?: number | null; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.status = options.status ?? null;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

const PASSING: readonly FailureKind[] = ['busy', 'network', 'stalled', 'damaged', 'lost', 'unusable'];

export function worthAnotherTry(error: unknown): error is GcsFailure {
  return error instanceof GcsFailure && PASSING.includes(error.kind);
}

/** The failure that a refusing answer is. `text` is its body: JSON from the API, anything from what is in between. */
export function failureOf(status: number, text: string, retryAfter: string | null): GcsFailure {
  const message = sentenceIn(text) || `status ${status}`;
  return new GcsFailure(kindOf(status, message), message, { status, retryAfterMs: millisecondsOf(retryAfter) });
}

function kindOf(status: number, message: string): FailureKind {
  if (status === 408 || status === 429 || status >= 500) return 'busy';
  // A bad hash answers 400: the bytes that came are not those whose checksum we sent with them.
  if (status === 400 && /hash|checksum|crc32c|md5/i.test(message)) return 'damaged';
  if (status === 401) return 'credentials';
  if (status === 403) return 'denied';
  if (status === 404 || status === 410) return 'missing';
  return status === 412 ? 'exists' : 'refused';
}

function sentenceIn(text: string): string {
  let said = text;
  try {
    const body = JSON.parse(text) as { error?: { message?: string } };
    said = body.error?.message ?? text;
  } catch {
    // A proxy's page or a plain sentence.
  }
  return said
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300);
}

function millisecondsOf(retryAfter: string | null): number | null {
  if (retryAfter === null) return null;
  const seconds = /^\d+$/.test(retryAfter) ? Number(retryAfter) : (Date.parse(retryAfter) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : null;
}

/** What the library says of credentials that it could not use, before it asked anybody. */
const CREDENTIALS =
  /default credentials|no (?:access, )?refresh token|PEM routines|DECODER routines|JSON object|key ?file|^the file at /i;

/**
 * The failure behind an error that came instead of an answer: from the network, or from finding credentials. The error
 * itself is let go: it carries the request, and with it an upload's address, which is as good as a password.
 */
export function failureWithoutAnswer(error: unknown): GcsFailure {
  if (error instanceof GcsFailure) return error;
  const message = messageOf(error)
    .replace(/^.*, reason: /, '')
    .replace(/\w+:\/\/\S+/g, 'it');
  const said = message === '' ? codeOf(error) || 'no answer' : message;
  return new GcsFailure(isOfCredentials(error, said) ? 'credentials' : 'network', said);
}

function isOfCredentials(error: unknown, said: string): boolean {
  // Our own requests take every status as an answer, so this one refused to give a token. It may only be busy.
  if (error instanceof Error && 'status' in error && typeof error.status === 'number')
    return kindOf(error.status, '') !== 'busy';
  // JSON from the network is the HTTP client's error; the parser's own comes from a file.
  return error instanceof SyntaxError || CREDENTIALS.test(said);
}

/** Where a store is, for its sentences. */
export interface Whereabouts {
  bucket: string;
  endpoint: string;
}

/**
 * The error to throw for `error`, met while doing `what`: the reason of an aborted signal, our own errors and those of a
 * body's source as they are, a {@link GcsFailure} as its sentence.
 */
export function gcsError(error: unknown, what: string, at: Whereabouts, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (!(error instanceof GcsFailure)) return error;
  const again = (code: string, text: string) => new RetryableError(`${what}: ${text}`, { cause: error, code });
  const bucket = `gs://${at.bucket}`;
  switch (error.kind) {
    case 'credentials':
      return again(
        'storage-denied',
        `no usable Google Cloud credentials (${error.message}); set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run where a service account is attached`,
      );
    case 'denied':
      return again(
        'storage-denied',
        `no permission for ${bucket} (${error.message}); give this service account the role Storage Object User there`,
      );
    case 'missing':
      return again('storage', `there is no bucket ${bucket}; create it or correct STORAGE_URL`);
    case 'busy':
      return again('storage-busy', `${at.endpoint} answered ${error.status} at every try (${error.message})`);
    case 'stalled':
      return again('storage-unreachable', `${at.endpoint} is too slow: ${error.message}`);
    case 'network':
      return again(
        'storage-unreachable',
        `${at.endpoint} cannot be reached (${error.message}); check the network and STORAGE_EMULATOR_HOST`,
      );
    case 'damaged':
      return again('checksum-mismatch', `bytes were damaged at every try: ${error.message}`);
    case 'lost':
      return again('storage-busy', error.message);
    case 'unusable':
      return again(
        'storage-unsuitable',
        `${at.endpoint} gave an answer that no bucket gives: ${error.message}; check STORAGE_EMULATOR_HOST and any proxy in between`,
      );
    case 'exists':
    case 'refused':
      return new PermanentError(`${what}: ${bucket} refused it: ${error.message}`, { cause: error, code: 'storage' });
    default:
      return error.kind satisfies never;
  }
}

/** Nothing has this name, in a bucket that is there. */
export function isNoObject(error: unknown): boolean {
  return error instanceof GcsFailure && error.kind === 'missing' && !/bucket does not exist/i.test(error.message);
}
