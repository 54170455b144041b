/**
 * A small fleet for tests: a migrated database, a store in a temporary folder, an operator, and one worker in this
 * process that claims and settles through the ledger, with recorders and templates as the real one does, but makes its
 * files in no time. Not imported by the product.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type AnyStage,
  type ArtifactKind,
  type ArtifactRef,
  type ClaimedTask,
  expand,
  nodeOf,
  type StageContext,
  type Ticket,
} from '@reelfleet/core';
import { Database, openLedger, openOperatorLedger, openReads, openSweepLedger } from '@reelfleet/db';
import { migratedDatabase } from '@reelfleet/db/testing';
import { collectGarbage, storedTrees } from '@reelfleet/fleet';
import { allStageNames, stages, templates } from '@reelfleet/pipelines';
import { openLocalStorage } from '@reelfleet/storage';
import { atTestEnd } from '@reelfleet/testkit';
import { type OperatorDeps, openOperator } from './operator.ts';
import { recorders } from './recorders/index.ts';
import { madeTranscode } from './testing-transcode.ts';

/** Everything a test of the catalog needs; ends with the test, or the file, that opened it. */
export async function openWorld(overrides: Partial<OperatorDeps> = {}) {
  const database = await migratedDatabase();
  atTestEnd(() => database.drop());
  const folder = await mkdtemp(join(tmpdir(), 'reelfleet-catalog-'));
  atTestEnd(() => rm(folder, { recursive: true, force: true }));
  const db = new Database(database.url, { name: 'catalog-test' });
  atTestEnd(() => db.end());
  const reads = openReads(database.url, { name: 'catalog-test-reads' });
  atTestEnd(() => reads.end());
  const storage = openLocalStorage(pathToFileURL(join(folder, 'store')).href);
  const ledger = openLedger(db, db);
  const sweepLedger = openSweepLedger(db);
  const sent: Ticket[] = [];
  const deps: OperatorDeps = {
    ledger: openOperatorLedger(db),
    sweepLedger,
    reads: reads.db,
    storage,
    send: async (tickets) => void sent.push(...tickets),
    templates,
    stages,
    allStageNames,
    actor: 'tester',
    languageModel: 'builtin',
    retentionDays: 90,
    collectGarbage,
    ...overrides,
  };

  async function hire(name: string, serves: readonly string[] = [...stages.keys()]): Promise<string> {
    const id = randomUUID();
    await ledger.hello({ id, name, type: 'local', capabilities: { stages: serves }, metadata: {} });
    return id;
  }

  async function claim(worker: string, ticket: Ticket): Promise<ClaimedTask> {
    const [answer] = await ledger.claim(worker, 30_000, [{ id: ticket.id, version: ticket.version, refusal: null }]);
    if (answer?.kind !== 'claimed') throw new Error(`ticket of ${ticket.title} was ${answer?.kind}`);
    return answer.task;
  }

  /** Complete a claimed task as run-task.ts does: input and output checked, children, files and rows in one settle. */
  async function complete(worker: string, task: ClaimedTask): Promise<void> {
    const template = templates.get(task.template);
    const stage = stages.get(task.stage);
    if (!template || !stage) throw new Error(`no template ${task.template} or stage ${task.stage}`);
    const node = nodeOf(template, task.key);
    const input = stage.input.parse(
      node.input({ key: task.key, params: task.params, payload: task.payload, outputs: task.outputs }),
    );
    const artifacts: ArtifactRef[] = [];
    const put = async (name: string, kind: ArtifactKind, contentType: string) => {
      const body = new TextEncoder().encode(`${task.key}/${name} of run ${task.runId}`);
      const stored = await storage.put(`runs/${task.runId}/${task.key}/${task.version}/${name}`, body, { contentType });
      artifacts.push({ id: randomUUID(), kind, ...stored });
      return artifacts.at(-1) as ArtifactRef;
    };
    const moves = ['archive', 'restore', 'purge'].includes(task.stage);
    const output = stage.output.parse(await (moves ? reallyRun(stage, input, task) : make(task.stage, input, put)));
    const {
      tasks: children,
      edges,
      skip,
    } = expand(template, task.key, output, task.params, { newId: randomUUID, stages });
    const records = recorders.get(task.stage)?.(output as never, task) ?? [];
    const item = {
      id: task.id,
      version: task.version,
      event: 'complete' as const,
      output,
      artifacts,
      records,
      children,
      edges,
      skip,
    };
    const [answer] = await ledger.settle(worker, [item]);
    if (answer?.status !== 'completed') throw new Error(`${task.key} was settled as ${answer?.status}`);
    sent.push(...answer.tickets);
  }

  /** What moves files is no different here from what it is in life. */
  function reallyRun(stage: AnyStage, input: unknown, task: ClaimedTask): Promise<unknown> {
    const { signal } = new AbortController();
    return stage.run({
      input,
      checkpoint: task.checkpoint?.data ?? null,
      saveCheckpoint: async () => {},
      progress: () => {},
      trees: storedTrees(storage, { signal, moved: () => {} }),
      othersAtWork: (videoId: string) => ledger.videoAtWork(videoId, task.runId),
      pausePoint: async () => {},
      signal,
    } as unknown as StageContext<unknown>);
  }

  /** Work all tickets there are, and those that come of it. */
  async function workAll(worker: string): Promise<void> {
    for (let ticket = sent.shift(); ticket; ticket = sent.shift()) await complete(worker, await claim(worker, ticket));
  }

  return {
    url: database.url,
    db,
    reads: reads.db,
    ledger,
    sweepLedger,
    storage,
    folder,
    sent,
    deps,
    operator: openOperator(deps),
    hire,
    claim,
    complete,
    workAll,
  };
}

export type World = Awaited<ReturnType<typeof openWorld>>;

type Put = (name: string, kind: ArtifactKind, contentType: string) => Promise<ArtifactRef>;

// biome-ignore lint/suspicious/noExplicitAny: each has passed its stage's contract.
type Input = any;

/** What a stage would have answered. */
async function make(stage: string, input: Input, put: Put): Promise<unknown> {
  switch (stage) {
    case 'plan': {
      const indexes = Array.from({ length: input.tracks }, (_, index) => index + 1);
      const seconds = input.totalSeconds / input.tracks;
      return {
        title: input.title ?? `The ${input.niche} album`,
        description: `Made of ${input.moods.join(' and ')}`,
        pairs: indexes.map((n) => ({
          orderIndex: n,
          title: `Piece ${n}`,
          musicPrompt: `music ${n}`,
          visualPrompt: `picture ${n}`,
          seconds,
        })),
        prompts: {
          music_prompts: indexes.map((n) => ({ order_index: n, prompt: `music ${n}`, duration_minutes: seconds / 60 })),
          visual_prompts: indexes.map((n) => ({ order_index: n, prompt: `picture ${n}` })),
        },
      };
    }
    case 'music':
      return {
        orderIndex: input.orderIndex,
        title: input.title,
        prompt: input.prompt,
        audio: await put('track.m4a', 'audio', 'audio/mp4'),
        original: await put('original.flac', 'raw', 'audio/flac'),
        samples: 44_100 * 20,
        durationSeconds: 20,
        loudnessLufs: -14,
        gainDb: 0,
        provider: 'dummy',
        providerTrackId: null,
        licenseUrl: null,
      };
    case 'image':
      return {
        orderIndex: input.orderIndex,
        title: input.title,
        prompt: input.prompt,
        image: await put('still.png', 'image', 'image/png'),
        segment: await put('segment.mp4', 'segment', 'video/mp4'),
        frames: 60,
        width: input.width,
        height: input.height,
        fps: input.fps,
        ssim: 1,
        provider: 'dummy',
        providerImageId: null,
      };
    case 'render': {
      const video = await put('album.mp4', 'render', 'video/mp4');
      const tracks = input.tracks.map(
        ({ orderIndex, title }: { orderIndex: number; title: string }, index: number) => ({
          orderIndex,
          title,
          startSeconds: index * 20,
          durationSeconds: 20,
          frames: 600,
        }),
      );
      const facts = {
        width: input.width,
        height: input.height,
        fps: input.fps,
        videoCodec: 'h264',
        audioCodec: 'aac',
        sizeBytes: video.sizeBytes,
      };
      const { title, description } = input;
      return {
        video,
        title,
        description,
        durationSeconds: tracks.length * 20,
        frames: tracks.length * 600,
        ...facts,
        tracks,
        ffmpegCommand: 'ffmpeg -i a\nffmpeg -i b',
        minSsim: 1,
      };
    }
    case 'verify':
      return {
        videoUri: input.video.uri,
        sha256: input.video.sha256,
        durationSeconds: 80,
        frames: 2_400,
        chapters: 4,
        minSsim: 1,
      };
    case 'import':
      return {
        source: input.upload ?? (await put('source.mp4', 'raw', 'video/mp4')),
        fileName: input.fileName,
        url: input.url ?? null,
      };
    case 'probe': {
      const ntsc = { num: 30_000, den: 1_001 };
      const audio = { codec: 'aac', sampleRate: 48_000, channels: 2 };
      const said = { primaries: null, transfer: null, space: null, range: null };
      return {
        format: 'mov,mp4,m4a,3gp,3g2,mj2',
        startSeconds: 0,
        durationSeconds: 12.5,
        sizeBytes: input.source.sizeBytes,
        // Filmed upright: the file holds it on its side.
        video: {
          ...{ codec: 'h264', width: 1280, height: 720, displayWidth: 720, displayHeight: 1280, rotation: 90 },
          ...{
            sampleAspect: { num: 1, den: 1 },
            pixelFormat: 'yuv420p',
            bitDepth: 8,
            color: said,
            dynamicRange: 'sdr',
          },
          ...{ fps: ntsc, baseFps: ntsc, variableFrameRate: false, fieldOrder: null, frames: 375 },
          ...{ startSeconds: 0, durationSeconds: 12.5 },
        },
        audio,
        audioTracks: [{ index: 1, ...audio, language: null, title: null, isDefault: true }],
        pictures: [],
        chapters: [],
      };
    }
    case 'thumbnail': {
      const clipId = input.source.kind === 'clip' ? { clipId: input.source.id } : {};
      return { thumbnail: await put('thumbnail.jpg', 'thumbnail', 'image/jpeg'), width: 1_280, height: 720, ...clipId };
    }
    case 'clip': {
      const { moment, existing, replace, paddingLeft, paddingRight } = input;
      const facts = { momentId: moment.id, replace };
      if (existing && !replace)
        return {
          ...existing,
          ...facts,
          existing: true,
          frames: null,
          copiedFrames: null,
          encodedFrames: null,
          likeness: null,
        };
      return {
        ...facts,
        clip: await put('clip.mp4', 'clip', 'video/mp4'),
        existing: false,
        ...{ start: moment.start - paddingLeft, end: moment.end + paddingRight, paddingLeft, paddingRight },
        ...{ videoCodec: 'h264', audioCodec: 'aac', width: 1_280, height: 720 },
        ...{ frames: 100, copiedFrames: 90, encodedFrames: 10, likeness: 0.99 },
      };
    }
    default:
      return madeTranscode(stage, input, put);
  }
}

/** Read rows with plain SQL, for a test to look at. */
export const rowsOf = (world: Pick<World, 'db'>, statement: string): Promise<Record<string, unknown>[]> =>
  world.db.query(statement);

/** A preview order as tests give it; each call another channel unless named. */
export const preview = {
  kind: 'album',
  channel: 'Court Channel',
  niche: 'Royal Court',
  moods: ['calm', 'warm'],
  preview: true,
} as const;

/** A stage order that every version can check. */
export const probeOrder = { kind: 'stage', stage: 'probe', input: { source: 'file:///tmp/some.mp4' } } as const;
