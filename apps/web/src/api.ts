/**
 * The server's REST interface as the page uses it. What it refuses becomes a `Problem` whose message is the sentence
 * of the problem detail (RFC 9457), fit to be shown as it is. Also keeps the server's clock, since "3 s ago" is a
 * matter between the server and its workers, not of this machine's clock.
 */
import type {
  ArtifactRow,
  AuditRow,
  ClipRow,
  MomentRow,
  RunDetails,
  RunRow,
  StageRow,
  TaskRow,
  TranscriptDetails,
  VideoDetails,
  VideoRow,
  WorkerRow,
} from '@reelfleet/catalog';

export type {
  ArtifactRow,
  AuditRow,
  ClipRow,
  MomentRow,
  RunDetails,
  RunRow,
  StageRow,
  TaskRow,
  TranscriptDetails,
  VideoDetails,
  VideoRow,
  WorkerRow,
};

export class Problem extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.name = 'Problem';
    this.status = status;
  }
}

let clockAheadMs = 0;
/** Now, by the server's clock. Its `Date` header counts whole seconds, so less than two of them are no difference. */
export const serverNow = (): number => Date.now() + clockAheadMs;

function learnClock(response: Response): void {
  const said = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(said)) return;
  const ahead = said + 500 - Date.now();
  clockAheadMs = Math.abs(ahead) < 2_000 ? 0 : ahead;
}

async function call<T>(method: 'GET' | 'POST', path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem('The server does not answer; try again when it is back.', 0);
  }
  learnClock(response);
  if (response.ok) return (await response.json()) as T;
  if (response.status === 401) signIn();
  throw new Problem(await sentenceOf(response), response.status);
}

/** The session is over: to the login page, which leads back to where we are. */
function signIn(): void {
  location.assign(`/login?next=%2F${location.hash}`);
}

async function sentenceOf(response: Response): Promise<string> {
  const fallback = `The server answered ${response.status} ${response.statusText}`.trim();
  try {
    const problem = (await response.json()) as { title?: unknown; detail?: unknown };
    if (typeof problem.detail === 'string' && problem.detail !== '') return problem.detail;
    if (typeof problem.title === 'string' && problem.title !== '') return problem.title;
    return fallback;
  } catch {
    return fallback;
  }
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => call<T>('GET', path, undefined, signal);
export const post = <T>(path: string, body: unknown = {}): Promise<T> => call<T>('POST', path, body);
