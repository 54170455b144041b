/**
 * A world for one stage, for tests and benchmarks: files under one folder, checkpoints in memory, everything a stage says or
 * saves written down. No database, no queue.
 */
import { createHash, randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type {
  ArtifactRef,
  Body,
  FileBody,
  LanguageProvider,
  Logger,
  PaidCalls,
  Providers,
  SetMember,
  Stage,
  StageContext,
  StageStorage,
  StoredTrees,
  Tools,
} from '@reelfleet/core';

export interface StageWorld {
  /** Folder for stored files and scratch folders. */
  root: string;
  tools: Tools;
  providers: Providers;
  /** What the stages that move whole runs see of a store; by default nothing. */
  trees?: StoredTrees;
  /** By default every attempt has some of its own, which remember nothing of an earlier one. */
  calls?: PaidCalls;
}

export interface Attempt {
  checkpoint?: unknown;
  signal?: AbortSignal;
  /** Called at every pause point; throwing there is a crash at that point. */
  onPause?(point: string): Promise<void> | void;
}

/** What an attempt did, besides its outcome. */
export interface Diary {
  checkpoints: { data: unknown; units: number }[];
  progress: { fraction: number; step: string | undefined }[];
  pauses: string[];
  notes: string[];
  /** Times the attempt said that something moved. */
  moves: number;
}

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

/** Run a stage once, input and output checked as the engine does. `diary` fills while it runs, also when it fails. */
export async function runStage<I, O>(
  stage: Stage<I, O>,
  input: unknown,
  world: StageWorld,
  attempt: Attempt = {},
  diary: Diary = newDiary(),
): Promise<O> {
  const context = await stageContext(stage.input.parse(input), world, attempt, diary);
  return stage.output.parse(await stage.run(context));
}

export function newDiary(): Diary {
  return { checkpoints: [], progress: [], pauses: [], notes: [], moves: 0 };
}

async function stageContext<I>(input: I, world: StageWorld, attempt: Attempt, diary: Diary): Promise<StageContext<I>> {
  const scratch = join(world.root, 'scratch', randomUUID());
  const stored = join(world.root, 'stored', randomUUID());
  await mkdir(scratch, { recursive: true });
  await mkdir(stored, { recursive: true });
  return {
    input,
    checkpoint: attempt.checkpoint ?? null,
    async saveCheckpoint(data, units) {
      // Through JSON, as the database would.
      diary.checkpoints.push({ data: JSON.parse(JSON.stringify(data)), units });
    },
    progress: (fraction, step) => void diary.progress.push({ fraction, step }),
    moved() {
      diary.moves += 1;
    },
    storage: folderStorage(stored, scratch),
    trees: world.trees ?? noTrees,
    othersAtWork: async () => false,
    scratch,
    tools: world.tools,
    providers: world.providers,
    calls: world.calls ?? memoryCalls(),
    log: quiet,
    signal: attempt.signal ?? new AbortController().signal,
    note: (line) => void diary.notes.push(line),
    async pausePoint(point) {
      diary.pauses.push(point);
      await attempt.onPause?.(point);
    },
  };
}

/** Paid requests whose answers are kept for as long as this object is: what the ledger does, without its fence. */
export function memoryCalls(): PaidCalls & { readonly kept: ReadonlyMap<string, { callId: string; answer?: string }> } {
  const kept = new Map<string, { callId: string; answer?: string }>();
  return {
    kept,
    async once({ provider, request }, ask) {
      const key = JSON.stringify([provider, request]);
      const row = kept.get(key) ?? { callId: randomUUID() };
      kept.set(key, row);
      row.answer ??= JSON.stringify((await ask(row.callId)).response);
      return JSON.parse(row.answer);
    },
  };
}

const noTrees: StoredTrees = {
  async *list() {},
  move: () => Promise.reject(new Error('this world has no store to move files in')),
  delete: () => Promise.reject(new Error('this world has no store to remove files from')),
  uriOf: (folder) => pathToFileURL(`/no-store/${folder}`).href,
};

function folderStorage(stored: string, scratch: string): StageStorage {
  let fetched = 0;
  return {
    runUri: pathToFileURL(stored).href,
    async put(name, body, { kind, contentType }) {
      const path = join(stored, name);
      await save(body, path);
      return { ...(await refOf(path, kind)), contentType };
    },
    async fetch(ref, name) {
      fetched += 1;
      const path = join(scratch, name ?? `${fetched}-${ref.uri.split('/').at(-1)}`);
      await copyFile(fileURLToPath(ref.uri), path);
      if ((await digest(path)) !== ref.sha256) throw new Error(`${ref.uri} is not the file it was`);
      return path;
    },
    async putSet(folder, files, { kind, contentType, onStored }) {
      await mkdir(join(stored, folder), { recursive: true });
      const segments: SetMember[] = [];
      for (const { name, seconds, ...body } of files) {
        const to = join(stored, folder, name);
        await save(body, to);
        const { size: sizeBytes } = await stat(to);
        segments.push({ name, sha256: await digest(to), sizeBytes, ...(seconds === undefined ? {} : { seconds }) });
        onStored?.(name);
      }
      return {
        id: randomUUID(),
        kind,
        uri: pathToFileURL(join(stored, folder)).href,
        sha256: '0'.repeat(64),
        sizeBytes: segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        contentType,
        segments,
      };
    },
    async fetchMember(set, member, name) {
      fetched += 1;
      const path = join(scratch, name ?? `${fetched}-${member}`);
      await copyFile(join(fileURLToPath(set.uri), member), path);
      return path;
    },
    uriOf: (name) => pathToFileURL(join(stored, name)).href,
    async present(set) {
      for (const { name, sizeBytes } of set.segments) {
        const found = await stat(join(fileURLToPath(set.uri), name)).catch(() => null);
        if (found?.size !== sizeBytes) return false;
      }
      return true;
    },
    borrow: async (ref) => fileURLToPath(ref.uri),
    async has({ uri, sha256, segments }) {
      const whole = async (path: string, wanted: string) =>
        (await stat(path).catch(() => null)) !== null && (await digest(path)) === wanted;
      if (!segments) return whole(fileURLToPath(uri), sha256);
      for (const member of segments)
        if (!(await whole(join(fileURLToPath(uri), member.name), member.sha256))) return false;
      return true;
    },
  };
}

async function save(body: Body, path: string): Promise<void> {
  if (!('path' in body && typeof body.path === 'string'))
    return writeFile(path, body as Uint8Array | NodeJS.ReadableStream);
  const { start = 0, endExclusive } = body as FileBody;
  await writeFile(path, (await readFile(body.path)).subarray(start, endExclusive));
}

/** A reference to a file on disk, as if it had been stored. */
export async function refOf(path: string, kind: ArtifactRef['kind']): Promise<ArtifactRef> {
  const { size } = await stat(path);
  return {
    id: randomUUID(),
    kind,
    uri: pathToFileURL(path).href,
    sha256: await digest(path),
    sizeBytes: size,
    contentType: 'application/octet-stream',
  };
}

async function digest(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

const refuse = () => Promise.reject(new Error('this language provider finds no moments'));

/** For language providers of tests that are not about moments. */
export const withoutMoments = {
  model: 'none',
  findMoments: refuse,
  scoreMoments: refuse,
  refineMoments: refuse,
} satisfies Partial<LanguageProvider>;

/** Providers that draw and play with ffmpeg's own sources: quick, deterministic, different for every seed. */
export function sketchProviders(tools: Tools): Providers {
  return {
    music: {
      name: 'dummy',
      async generate({ seed, seconds }, { path, signal, report }) {
        const pitch = 180 + ((seed * 37) % 200);
        const swell = `min(1\\,t)*min(1\\,${seconds}-t)`;
        const voice = (hertz: number) => `0.2*sin(2*PI*${hertz}*t)*(0.7+0.3*sin(2*t))*${swell}`;
        const source = `aevalsrc=${voice(pitch)}+${voice(pitch * 1.5)}|${voice(pitch)}+${voice(pitch * 2)}:s=44100:d=${seconds}`;
        await tools.ffmpeg(['-y', '-f', 'lavfi', '-i', source, '-c:a', 'pcm_s16le', path], signal ? { signal } : {});
        report?.(1);
        return { providerId: `track-${seed}`, licenseUrl: null };
      },
    },
    image: {
      name: 'dummy',
      async generate({ seed, width, height }, { path, signal, report }) {
        const colour = (step: number) =>
          `0x${((seed * 2_654_435 + step * 5_912_353) % 0xffffff).toString(16).padStart(6, '0')}`;
        const source = `gradients=s=${width}x${height}:c0=${colour(1)}:c1=${colour(2)}:x0=0:y0=0:x1=${width}:y1=${height}:n=2:d=1:seed=1`;
        await tools.ffmpeg(
          ['-y', '-f', 'lavfi', '-i', source, '-vf', 'format=rgb24', '-frames:v', '1', path],
          signal ? { signal } : {},
        );
        report?.(1);
        return { providerId: `still-${seed}` };
      },
    },
    language: {
      name: 'sketch',
      ...withoutMoments,
      async planAlbum({ niche, moods, tracks, totalMinutes }) {
        const pairs = Array.from({ length: tracks }, (_, index) => ({
          title: `${niche} No. ${index + 1}`,
          musicPrompt: `${moods.join(', ')} music ${index + 1}`,
          visualPrompt: `${niche}, view ${index + 1}`,
          durationMinutes: totalMinutes / tracks,
        }));
        return { title: `${niche} album`, description: `Music for ${niche}`, pairs };
      },
    },
    speech: { missing: 'these providers hear nothing' },
    web: { open: (url) => Promise.reject(new Error(`${url} is not opened: these providers have no web`)) },
  };
}
