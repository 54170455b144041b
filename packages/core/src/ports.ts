/**
 * The doors of the product: what the engine and the stages need from the world, as types.
 * Adapters live in db (Ledger), storage (Storage), media (Tools) and providers.
 */
import type { LanguageProvider } from './language.ts';
import type { Logger } from './log.ts';

/** A stored file as the ledger knows it. `uri` is absolute (`file:///…`, `gs://bucket/key`). */
export interface StoredObject {
  uri: string;
  sha256: string;
  sizeBytes: number;
  contentType: string;
}

/** Facts about one stored object, without reading it. */
export interface ObjectInfo {
  key: string;
  uri: string;
  sizeBytes: number;
  modifiedAt: Date;
}

/** What is to be stored: bytes, a stream, or a file, which can be read again when the store asks for it. */
export type Body = Uint8Array | NodeJS.ReadableStream | FileBody;

/** A file of this machine, or of its bytes those from `start` up to `endExclusive`. */
export interface FileBody {
  path: string;
  start?: number;
  endExclusive?: number;
}

/**
 * Object storage. Keys are relative, `/`-separated, without `..`; the driver turns them into URIs and back.
 * All writes are create-only: a second put of the same key with the same bytes succeeds and answers the same,
 * with other bytes it throws {@link import('./errors.ts').PermanentError}.
 */
export interface Storage {
  readonly driver: 'file' | 'gs';
  /** Store `body` under `key`. The checksum is computed while streaming; a file is visible whole or not at all. */
  put(
    key: string,
    body: Body,
    options: { contentType: string; signal?: AbortSignal; onBytes?: (total: number) => void },
  ): Promise<StoredObject>;
  /** Read a range (or all) of an object. */
  get(
    uri: string,
    options?: { start?: number; endExclusive?: number; signal?: AbortSignal },
  ): Promise<NodeJS.ReadableStream>;
  /**
   * Bring an object to a local path and verify its checksum on the way when one is given; throws when it differs. It is a copy,
   * unless `toRead` says that nobody will write to it: then it may be the stored file itself under a second name.
   */
  download(
    uri: string,
    path: string,
    options?: { sha256?: string; toRead?: boolean; signal?: AbortSignal; onBytes?: (total: number) => void },
  ): Promise<void>;
  /** Facts about an object, or null when there is none. */
  stat(uri: string): Promise<ObjectInfo | null>;
  /** Every object under a key prefix, in key order. */
  list(prefix: string): AsyncIterable<ObjectInfo>;
  /** Remove an object; one that is not there is no error. */
  delete(uri: string): Promise<void>;
  /**
   * Give an object another key, without sending its bytes through this process; answers where it is now. Create-only like
   * a put: other bytes under that key are a {@link import('./errors.ts').PermanentError}. Killed on the way it leaves the
   * object under its old key, its new one, or both, and is finished by being asked again: an object that has its new key
   * already, of `sizeBytes` when given, is no error.
   */
  move(uri: string, toKey: string, options?: { sizeBytes?: number; signal?: AbortSignal }): Promise<ObjectInfo>;
  /** Re-read an object and compute its checksum; null when it is not there. */
  checksum(uri: string, signal?: AbortSignal): Promise<{ sha256: string; sizeBytes: number } | null>;
  /**
   * A short-lived address (https) under which anybody can read the object, for readers that this process should not
   * feed itself; null when the store has no such thing: a local folder, or credentials that cannot sign. Whether the
   * object is there is not looked at. `contentType` and `fileName` (saved as, instead of shown) are what the reader is told.
   */
  link(uri: string, options: { expiresInMs: number; contentType?: string; fileName?: string }): Promise<string | null>;
  uriOf(key: string): string;
  /** The key of a URI of this store; throws for one of another store. */
  keyOf(uri: string): string;
}

/** The result of an external program that ended well. */
export interface ToolResult {
  stdout: string;
  stderrTail: string;
  durationMs: number;
}

export interface RunOptions {
  signal?: AbortSignal;
  /** Called with facts of motion: seconds of output written so far, and speed (× real time). Feeds the watchdog. */
  onProgress?: (progress: { outTimeSeconds: number; speed: number | null; frames: number }) => void;
  /** Wall-clock limit. */
  timeoutMs?: number;
  cwd?: string;
  /** Threads ffmpeg may use; the worker's share by default. */
  threads?: number;
  /** Bytes that the plan reads as inputs, by the names of media's `inputPipe`. One that cannot be read ends the run with its error. */
  inputs?: readonly AsyncIterable<Uint8Array>[];
}

/** ffmpeg and ffprobe, as the stages see them. A program that fails throws with its last stderr lines in the message. */
export interface Tools {
  /** Run ffmpeg with a planned argument array (without the binary, `-nostdin`, `-progress`: the runner adds those). */
  ffmpeg(args: readonly string[], options?: RunOptions): Promise<ToolResult>;
  /** Hardware encoders that this worker was told to use and has tried, by ffmpeg's names, best first. */
  readonly encoders?: readonly string[];
  /** Run ffprobe with `-of json` semantics and parse its output. */
  ffprobe(args: readonly string[], options?: RunOptions): Promise<unknown>;
}

/**
 * Runs a program of the system other than ffmpeg, without a shell and by the rules of {@link Tools}: it ends with its signal
 * and its time limit, and throws with its last stderr lines. `install` says what to do when it is not there; `onLine` hears
 * its stderr.
 */
export type RunProgram = (
  program: { program: string; args: readonly string[]; install: string; onLine?: (line: string) => void },
  options?: Pick<RunOptions, 'signal' | 'timeoutMs' | 'cwd'>,
) => Promise<ToolResult>;

export interface Clock {
  now(): number;
  /** Monotonic milliseconds: leases are measured with this, never with the wall clock. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** What makes a track from a prompt. */
export interface MusicProvider {
  readonly name: 'dummy' | 'mubert' | 'beatoven';
  /**
   * Write a 44.1 kHz stereo 16-bit WAV to `path`, about `seconds` long. Same request, same bytes.
   * `report` is called with a fraction 0..1 as the work advances.
   */
  generate(
    request: { prompt: string; seed: number; seconds: number },
    to: { path: string; signal?: AbortSignal; report?: (fraction: number) => void },
  ): Promise<{ providerId: string | null; licenseUrl: string | null }>;
}

/** What makes a still from a prompt. */
export interface ImageProvider {
  readonly name: 'dummy' | 'leonardo' | 'gemini';
  /** Write a PNG of `width` × `height` to `path`. Same request, same bytes. */
  generate(
    request: { prompt: string; seed: number; width: number; height: number },
    to: { path: string; signal?: AbortSignal; report?: (fraction: number) => void },
  ): Promise<{ providerId: string | null }>;
}

/** One planned pair of an album: what to hear and what to see, told apart by title. */
export interface AlbumPromptPair {
  title: string;
  musicPrompt: string;
  visualPrompt: string;
  durationMinutes: number;
}

/** A word as it was said; seconds from the beginning. */
export interface SpokenWord {
  word: string;
  start: number;
  end: number;
}

/** A stretch of speech, a sentence or so, as it was said; seconds from the beginning. */
export interface SpokenSegment {
  text: string;
  start: number;
  end: number;
}

/** What is said in a piece of sound. `language` is an ISO 639-1 code. */
export interface Spoken {
  language: string;
  words: SpokenWord[];
  segments: SpokenSegment[];
}

/** What makes text of speech. */
export interface SpeechProvider {
  readonly name: 'openai' | 'whisper.cpp' | 'pocketsphinx';
  readonly model: string;
  /** Longer sound is split at silences before it gets here. */
  readonly longestPartSeconds: number;
  /** The form it wants its sound in. */
  readonly partFormat: 'wav' | 'flac';
  /**
   * What is said in a file of 16 kHz mono 16-bit, `seconds` long, timed from its beginning. What comes back is as the
   * provider heard it: bounds and order are the caller's to set right. `language` (ISO 639-1) is what to expect. `sound`
   * tells this sound from any other and is the same at every try, which the bytes of the file may not be. What a provider
   * needs besides it may leave in `scratch`.
   */
  transcribe(
    part: { path: string; sound: string; seconds: number; scratch: string; language?: string },
    to: { signal?: AbortSignal; calls: PaidCalls; report?: (fraction: number) => void },
  ): Promise<Spoken>;
}

/** The speech provider of this machine, or the sentence that says why there is none and how to get one. */
export type SpeechChoice = SpeechProvider | { missing: string };

/** An answer that was paid for. `response` travels through JSON. */
export interface PaidAnswer<T> {
  response: T;
  tokensIn?: number;
  tokensOut?: number;
  costUsd?: number;
}

/** Requests that cost money: recorded before they are sent, their answers kept before they are used (`provider_calls`). */
export interface PaidCalls {
  /**
   * The kept answer of this task to an equal request, or what `ask` brings, kept before this resolves. `request` says
   * everything that shapes the answer (as JSON; what is large, such as sound, by its checksum) and holds no secret.
   * `callId` is the same for every try of one request: send it as Idempotency-Key. What `ask` has sent goes on, and its
   * answer is kept, when the attempt ends before it comes: give it a time limit of its own, not the attempt's signal.
   */
  once<T>(call: { provider: string; request: unknown }, ask: (callId: string) => Promise<PaidAnswer<T>>): Promise<T>;
}

/** A file on the web, on its way here. */
export interface WebFile {
  /** Where it is from, as people and logs may see it: secrets in it are hidden. */
  address: string;
  contentType: string | null;
  /** As its server says; null where it does not. */
  sizeBytes: number | null;
  /** All of it, in order, of one state of the file; ends with the error that says why not. Resumed when connections break. */
  body: NodeJS.ReadableStream;
}

/** What opens addresses that users name. */
export interface WebSource {
  /**
   * Ask for an http(s) address. Throws PermanentError for one that must not or cannot be opened, RateLimitedError when its
   * server says when to come back, RetryableError otherwise; the body ends with the same kinds of errors.
   */
  open(url: string, options: { signal: AbortSignal; onBytes?: (total: number) => void }): Promise<WebFile>;
}

export interface Providers {
  music: MusicProvider;
  image: ImageProvider;
  language: LanguageProvider;
  speech: SpeechChoice;
  web: WebSource;
}

export type { Logger };
