/**
 * The files of an album on a worker's disk, and the look that `render` takes at its product before it lets it out and `verify`
 * takes again, on another worker where there is one. Both must look with the same eyes, so the looking is here, once.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artifactRef, RetryableError, type StageContext } from '@reelfleet/core';
import {
  type AlbumFindings,
  type AlbumPromise,
  boundaries,
  judgeAlbum,
  layTimeline,
  PACKET_SAMPLES,
  type PacketList,
  type Plan,
  planListen,
  planLook,
  planPackets,
  probe,
  readLook,
  readPackets,
  readSilences,
  type Timeline,
  ToolError,
} from '@reelfleet/media';
import { z } from 'zod';
import { inParallel, runPlan } from './run-plan.ts';

/** ffmpeg runs of one album that go side by side: most of each is opening files. */
export const LANES = 2;

export const albumFiles = z
  .object({
    title: z.string().min(1),
    /** Name of the channel. */
    artist: z.string(),
    description: z.string(),
    width: z.number().int(),
    height: z.number().int(),
    fps: z.number().int(),
    orderedSeconds: z.number().positive(),
    preview: z.boolean(),
    tracks: z
      .array(
        z.object({
          orderIndex: z.number().int(),
          title: z.string(),
          audio: artifactRef,
          samples: z.number().int().positive(),
        }),
      )
      .min(1),
    stills: z.array(
      z.object({
        orderIndex: z.number().int(),
        image: artifactRef,
        segment: artifactRef,
        frames: z.number().int().positive(),
      }),
    ),
  })
  .refine(
    ({ tracks, stills }) =>
      tracks.length === stills.length && tracks.every((track, at) => track.orderIndex === stills[at]?.orderIndex),
    {
      message: 'each track needs the still of the same order index, in order',
    },
  );
export type AlbumFiles = z.infer<typeof albumFiles>;

type Context = Pick<
  StageContext<unknown>,
  'tools' | 'signal' | 'scratch' | 'progress' | 'moved' | 'note' | 'log' | 'storage'
>;

/** What an album is made of, fetched and listed. Names are relative to the scratch folder. */
export interface Parts {
  timeline: Timeline;
  stills: { path: string; name: string; packets: PacketList; frames: number }[];
  segmentNames: string[];
  trackNames: string[];
  tracks: PacketList[];
}

/** Fetch stills, segments and tracks, list their packets and lay the timeline by the packets that are really there. */
export async function fetchParts(context: Context, album: AlbumFiles): Promise<Parts> {
  const segmentNames = album.stills.map(({ orderIndex }) => `segment-${orderIndex}.mp4`);
  const trackNames = album.tracks.map(({ orderIndex }) => `track-${orderIndex}.m4a`);
  const tracks = await inParallel(album.tracks, LANES, async ({ orderIndex, title, audio, samples }, index) => {
    const path = await context.storage.fetch(audio, trackNames[index]);
    const list = await listPackets(context, path, 'audio');
    if (list.packets.length * PACKET_SAMPLES !== samples) {
      throw new RetryableError(
        `track ${orderIndex} (${title}) has ${list.packets.length} packets, not the ${samples} samples it was measured at`,
      );
    }
    return list;
  });
  const stills = await inParallel(album.stills, LANES, async ({ orderIndex, image, segment, frames }, index) => {
    const name = `still-${orderIndex}.png`;
    const path = await context.storage.fetch(image, name);
    const packets = await listPackets(context, await context.storage.fetch(segment, segmentNames[index]), 'video');
    return { path, name, packets, frames };
  });
  return { timeline: layTimeline(album.tracks, album.fps), stills, segmentNames, trackNames, tracks };
}

/** The packets of one stored stream, by checksum. */
export async function listPackets(context: Context, path: string, kind: 'video' | 'audio'): Promise<PacketList> {
  const lists = await packetsOf(context, path);
  return lists.find((candidate) => candidate.kind === kind) ?? { kind, headers: '', packets: [] };
}

async function packetsOf(context: Context, path: string): Promise<PacketList[]> {
  const output = `${path}.packets`;
  await runPlan(context, planPackets({ input: path, output }));
  return readPackets(await readFile(output, 'utf8'));
}

/** Look at a finished album with all eyes: probe, packets, sound, picture. Answers every broken promise; none means good. */
export async function inspectAlbum(
  context: Context,
  file: string,
  album: AlbumFiles,
  parts: Parts,
  share: { from: number; to: number },
): Promise<{ problems: string[]; minSsim: number }> {
  const { timeline } = parts;
  const { width, height, fps, orderedSeconds, preview } = album;
  const promised: AlbumPromise = { timeline, width, height, orderedSeconds, preview };
  const at = (fraction: number) => share.from + (share.to - share.from) * fraction;
  const broken: string[] = [];
  /** A file that ffmpeg cannot read is a finding; a worker without ffmpeg, or one told to stop, is not. */
  const look = async <T>(what: string, looking: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await looking();
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== 'ffmpeg') throw error;
      broken.push(`${what}: ${error.message}`);
      return otherwise;
    }
  };
  const read = (plan: Plan, from: number, to: number) =>
    look(
      plan.what,
      async () =>
        (
          await runPlan(context, plan, {
            from: at(from),
            to: at(to),
            seconds: timeline.durationSeconds,
            step: 'checking',
          })
        ).stdout,
      '',
    );

  const seen = await look('probe', () => probe(context.tools, file, { trust: 'own', signal: context.signal }), null);
  if (!seen) return { problems: broken, minSsim: 0 };
  const lists = await look('packets', () => packetsOf(context, file), []);
  context.progress(at(0.2), 'checking');
  const sound = await read(planListen(file), 0.2, 0.5);
  let looked = 0;
  const edges = boundaries(
    timeline,
    parts.stills.map((still) => still.path),
  );
  const looks = await inParallel(edges, LANES, async (boundary) => {
    const plan = planLook({ file, boundary, width, height, fps });
    const ssim = readLook(await look(plan.what, async () => (await runPlan(context, plan)).stdout, ''));
    looked += 1;
    context.progress(at(0.5 + (0.5 * looked) / edges.length), 'checking');
    return { boundary, ssim };
  });

  const empty = (kind: 'video' | 'audio'): PacketList => ({ kind, headers: '', packets: [] });
  const findings: AlbumFindings = {
    probe: seen,
    video: lists.find((list) => list.kind === 'video') ?? empty('video'),
    audio: lists.find((list) => list.kind === 'audio') ?? empty('audio'),
    segments: parts.stills.map((still) => still.packets),
    tracks: parts.tracks,
    silences: readSilences(sound),
    looks,
  };
  const minSsim = Math.min(...looks.flatMap(({ ssim }) => ssim));
  return { problems: [...broken, ...judgeAlbum(promised, findings)], minSsim: Number.isFinite(minSsim) ? minSsim : 0 };
}

/** Where a file of this attempt lies. */
export const inScratch = (context: Pick<Context, 'scratch'>, name: string): string => join(context.scratch, name);
