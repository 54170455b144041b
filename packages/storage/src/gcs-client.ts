/**
 * One request to Cloud Storage. Owns the client library, its HTTP client and its endpoint, loaded at the first request,
 * so that a process with a local store does not pay for it.
 *
 * Requests go through `Storage.authClient.request`, the way the library's own resumable uploads go, and not through
 * `File` and `Bucket`. The request layer behind those (teeny-request) takes no signal, so that an aborted upload keeps
 * its socket until the far side gives up, and its time-out has no effect (node-fetch 3 knows none): a silent store holds
 * a call for ever. And the library's own retries of an upload look at neither Retry-After nor progress: a cut upload
 * without chunks fails, one with chunks counts its tries over the whole of it.
 *
 * Promises: a fired signal closes the socket, silence ends in a failure of the kind `stalled`, and an answer is either
 * what was asked for or a {@link GcsFailure}.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { File, Storage as Library } from '@google-cloud/storage';
import { openLibrary } from './gcs-credentials.ts';
import { failureOf, failureWithoutAnswer, GcsFailure } from './gcs-errors.ts';
import { PATIENCE, type Patience, Watchdog } from './gcs-patience.ts';

export interface GcsOptions {
  /** Where the API is, when it is not Google's: an emulator, which is not asked for credentials. */
  apiEndpoint?: string | undefined;
  /** A credentials file; without one the library looks where Google's programs do. */
  keyFile?: string | undefined;
  /** Other bounds than the usual: for tests, which cannot wait for minutes. */
  patience?: Partial<Patience> | undefined;
}

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the endpoint, or absolute (an upload's session). */
  path: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  json?: unknown;
  body?: Body;
  /** A status that is an answer besides 200–299. */
  also?: number;
  signal?: AbortSignal | undefined;
}

/** Bytes to send; `open` gives them anew for every request, and says so as they go. */
interface Body {
  sizeBytes: number;
  open(moved: () => void): Readable;
}

export interface Answer {
  status: number;
  headers: Headers;
  /** The body; destroying it closes the socket. */
  body: Readable;
  watchdog: Watchdog;
}

/**
 * Sockets kept for the next request: more than a worker's tasks put and fetch side by side. How many are open at once has
 * no bound, because a reader who takes a break keeps his, and nobody else shall wait for that.
 */
const IDLE_SOCKETS = 64;

interface Opened {
  library: Library;
  send: Send;
}

type Send = (options: object) => Promise<{ status: number; headers: Headers; data: Readable }>;

export class GcsClient {
  readonly bucket: string;
  readonly endpoint: string;
  readonly patience: Patience;
  private readonly options: GcsOptions;
  private readonly agent: HttpAgent;
  private opened: Promise<Opened> | null = null;

  constructor(bucket: string, options: GcsOptions) {
    this.bucket = bucket;
    this.options = options;
    this.endpoint = endpointOf(options.apiEndpoint);
    this.patience = { ...PATIENCE, ...options.patience };
    const Agent = this.endpoint.startsWith('http:') ? HttpAgent : HttpsAgent;
    // Without an agent of its own every request would open a connection. A proxy is the network's matter, and named
    // where every program looks for one; the library would honour it too, were it not for our agent.
    this.agent = new Agent({ keepAlive: true, maxFreeSockets: IDLE_SOCKETS, proxyEnv: process.env });
  }

  /** The path of an object, or of the bucket's objects. */
  objects(name?: string): string {
    const all = `/storage/v1/b/${encodeURIComponent(this.bucket)}/o`;
    return name === undefined ? all : `${all}/${encodeURIComponent(name)}`;
  }

  uploads(): string {
    return `/upload${this.objects()}`;
  }

  /** One request, answered with a JSON body (or none). */
  async ask<T>(call: Call): Promise<T> {
    const { body, watchdog } = await this.send(call);
    const said = await this.rest(body, watchdog, call.signal);
    return said === '' ? (null as T) : parsed<T>(said);
  }

  /** One request, answered with a stream. The caller reads it to its end or destroys it, and keeps the watchdog. */
  async send(call: Call): Promise<Answer> {
    call.signal?.throwIfAborted();
    const opening = this.open();
    const { send } = await opening;
    const watchdog = new Watchdog(call.body ? this.patience.uploadSilenceMs : this.patience.silenceMs);
    const data = call.body?.open(watchdog.moved) ?? (call.json === undefined ? undefined : JSON.stringify(call.json));
    watchdog.moved();
    const signal = AbortSignal.any(call.signal ? [call.signal, watchdog.signal] : [watchdog.signal]);
    try {
      const sent = send({
        url: call.path.startsWith('/') ? this.endpoint + call.path : call.path,
        method: call.method,
        ...(call.query ? { params: call.query } : {}),
        headers: {
          // What is stored is what comes: no compression on the way that a checksum would have to see through.
          'Accept-Encoding': 'identity',
          'Cache-Control': 'no-store',
          ...(call.json === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...(call.body ? { 'Content-Length': String(call.body.sizeBytes) } : {}),
          ...call.headers,
        },
        ...(data === undefined ? {} : { data }),
        responseType: 'stream',
        validateStatus: () => true,
        retry: false,
        agent: this.agent,
        signal,
      });
      // Before the request come the credentials, and the library fetches those without a signal.
      const answer = await unlessAborted(sent, signal);
      const { status, headers, data: body } = answer;
      if ((status >= 200 && status < 300) || status === call.also) return { status, headers, body, watchdog };
      const said = await this.rest(body, watchdog, call.signal);
      throw failureOf(status, said, headers.get('retry-after'));
    } catch (error) {
      watchdog.rest();
      // The library lets everybody wait for one fetch of credentials, and one that hangs is never over.
      if (watchdog.signal.aborted && this.opened === opening) this.opened = null;
      call.signal?.throwIfAborted();
      throw watchdog.signal.aborted ? watchdog.signal.reason : failureWithoutAnswer(error);
    } finally {
      if (typeof data === 'object') data.destroy();
    }
  }

  /** The rest of a short answer, as text. */
  async rest(body: Readable, watchdog: Watchdog, signal?: AbortSignal): Promise<string> {
    watchdog.moved();
    try {
      return await text(body);
    } catch (error) {
      signal?.throwIfAborted();
      throw watchdog.signal.aborted ? watchdog.signal.reason : failureWithoutAnswer(error);
    } finally {
      watchdog.rest();
    }
  }

  /** The library's own object, for what it does without sending bytes: signing. Null when nothing could sign. */
  async file(name: string): Promise<File | null> {
    if (this.options.apiEndpoint !== undefined && this.options.keyFile === undefined) return null;
    const { library } = await this.open();
    return library.bucket(this.bucket).file(name);
  }

  private open(): Promise<Opened> {
    this.opened ??= this.load().catch((error) => {
      // A key file may be put right while we run.
      this.opened = null;
      throw error;
    });
    return this.opened;
  }

  private async load(): Promise<Opened> {
    const { apiEndpoint, keyFile } = this.options;
    const { library, caller } = await openLibrary(apiEndpoint === undefined ? undefined : this.endpoint, keyFile);
    return { library, send: (options) => caller.request(options) as ReturnType<Send> };
  }
}

/** The answer, or the signal's reason as soon as it fires; an answer that comes after that is closed. */
async function unlessAborted(sent: ReturnType<Send>, signal: AbortSignal): ReturnType<Send> {
  const { promise: fired, reject } = Promise.withResolvers<never>();
  const abort = () => {
    reject(signal.reason);
    sent.then(
      ({ data }) => data.destroy(),
      () => {},
    );
  };
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([sent, fired]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** A body that must be JSON. */
export function parsed<T>(said: string): T {
  try {
    return JSON.parse(said) as T;
  } catch (error) {
    throw new GcsFailure('unusable', 'it was not JSON', { cause: error });
  }
}

function endpointOf(given: string | undefined): string {
  const endpoint = given ?? 'https://storage.googleapis.com';
  return (endpoint.includes('://') ? endpoint : `http://${endpoint}`).replace(/\/+$/, '');
}
