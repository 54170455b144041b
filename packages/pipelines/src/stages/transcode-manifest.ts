/**
 * `transcode-manifest`: a stream becomes one. Puts the parts together to playlists and looks at all of it before anything is called
 * ready: what the chunks counted must add up to the plan, every segment must be in the store with its size, and the playlists,
 * read back, must keep the rules. Segments are not read again: each was decoded and counted by the task that made it, and
 * has been stored under its checksum.
 */
import { posix } from 'node:path';
import { artifactRef, defineStage, PermanentError, type StageContext } from '@reelfleet/core';
import {
  bandwidth,
  brokenRules,
  masterPlaylist,
  mediaPlaylist,
  type PlaylistSegment,
  type SoundEntry,
  type StreamTexts,
  targetDuration,
  type VariantEntry,
} from '@reelfleet/media';
import { z } from 'zod';
import { chunkOutput, HEADER, soundOutput, streamPlan } from '../stream-parts.ts';
import { type JoinedRendition, joinedParts, problemsOfStream } from '../stream-whole.ts';

export const transcodeManifestInput = z.object({
  plan: streamPlan,
  chunks: z.array(chunkOutput),
  sound: soundOutput.nullable(),
});
type Input = z.infer<typeof transcodeManifestInput>;

export const transcodeManifestOutput = z.object({
  master: artifactRef,
  renditions: z.array(
    z.object({
      quality: z.string(),
      progressId: z.uuid(),
      width: z.number().int(),
      height: z.number().int(),
      /** Average, in kbit/s, the picture alone. */
      bitrate: z.number().int(),
      codecs: z.string(),
      playlist: artifactRef,
    }),
  ),
  sound: z.array(z.object({ name: z.string(), language: z.string().nullable(), playlist: artifactRef })),
  durationSeconds: z.number().positive(),
  frames: z.number().int().positive(),
  segments: z.number().int().positive(),
  frameRate: z.number().positive(),
});
export type TranscodeManifestOutput = z.infer<typeof transcodeManifestOutput>;

const PLAYLIST = { kind: 'manifest', contentType: 'application/vnd.apple.mpegurl' } as const;

export const transcodeManifest = defineStage({
  name: 'transcode-manifest',
  description: 'Verify a stream and write its playlists',
  input: transcodeManifestInput,
  output: transcodeManifestOutput,
  async run(context): Promise<TranscodeManifestOutput> {
    const { input, storage, progress, pausePoint } = context;
    const { plan, sound } = input;
    if (plan.sound.length > 0 && !sound)
      throw new PermanentError(
        `the sound of ${plan.name} was not made, so there is no whole stream; retry transcode/audio`,
        {
          code: 'no-sound',
        },
      );
    const renditions = joinedParts(plan, input.chunks);
    refuse(plan.name, problemsOfStream(plan, input.chunks, renditions, sound));
    progress(0.1, 'looking for segments');
    await assertPresent(context, renditions);
    await pausePoint('mid-work');

    progress(0.7, 'writing playlists');
    const frameRate = plan.grid.rate.num / plan.grid.rate.den;
    const from = posix.dirname(storage.uriOf('master.m3u8'));
    const address = (uri: string, member: string) => posix.relative(from, `${uri}/${member}`);
    const variants: VariantEntry[] = renditions.map(({ rendition, codecs, parts }) => ({
      uri: `${rendition.quality}.m3u8`,
      segments: oneHeader(parts.map(({ set }) => ({ set, segments: playlistSegments(set, address) }))),
      codecs,
      width: rendition.width,
      height: rendition.height,
      frameRate,
    }));
    const sounds: SoundEntry[] = (sound?.tracks ?? []).map(({ set, ...track }, at) => ({
      ...track,
      uri: `sound-${at + 1}.m3u8`,
      segments: playlistSegments(set, address),
    }));
    const entries = [...variants, ...sounds];
    const target = targetDuration(entries.map(({ segments }) => segments));
    const texts: StreamTexts = {
      master: masterPlaylist(variants, sounds),
      media: new Map(entries.map(({ uri, segments }) => [uri, mediaPlaylist(segments, target)])),
    };
    refuse(
      plan.name,
      brokenRules(texts, new Map(entries.flatMap(({ segments }) => segments.map((segment) => [segment.uri, segment])))),
    );
    await pausePoint('before-upload');
    const put = (name: string, text: string) => storage.put(name, new TextEncoder().encode(text), PLAYLIST);
    const playlists = new Map<string, z.infer<typeof artifactRef>>();
    for (const [name, text] of texts.media) playlists.set(name, await put(name, text));
    // Last, so that whoever finds it finds everything it names.
    const master = await put('master.m3u8', texts.master);
    progress(1, 'stored');
    return {
      master,
      renditions: variants.map(({ uri, width, height, codecs, segments }, index) => ({
        quality: (renditions[index] as JoinedRendition).rendition.quality,
        progressId: (renditions[index] as JoinedRendition).rendition.progressId,
        width,
        height,
        bitrate: Math.round(bandwidth(segments).average / 1_000),
        codecs,
        playlist: playlists.get(uri) as z.infer<typeof artifactRef>,
      })),
      sound: sounds.map(({ name, language, uri }) => ({
        name,
        language,
        playlist: playlists.get(uri) as z.infer<typeof artifactRef>,
      })),
      durationSeconds: plan.durationSeconds,
      frames: plan.grid.frames,
      segments: plan.segments,
      frameRate,
    };
  },
});

type SegmentSet = NonNullable<Input['sound']>['tracks'][number]['set'];

function playlistSegments(set: SegmentSet, address: (uri: string, member: string) => string): PlaylistSegment[] {
  const map = address(set.uri, HEADER);
  return set.segments
    .filter(({ name }) => name !== HEADER)
    .map(({ name, seconds, sizeBytes }) => ({ uri: address(set.uri, name), seconds: seconds ?? 0, sizeBytes, map }));
}

/**
 * Chunks made by one encoder have headers of the same bytes, and the first one serves all of them. Where another encoder took
 * over (a worker with hardware), its own header is named: encoding parameters may change with an EXT-X-MAP (RFC 8216, 4.3.2.5).
 */
function oneHeader(parts: readonly { set: SegmentSet; segments: PlaylistSegment[] }[]): PlaylistSegment[] {
  let header: { sha256: string | undefined; map: string } | null = null;
  return parts.flatMap(({ set, segments }) => {
    const sha256 = set.segments.find(({ name }) => name === HEADER)?.sha256;
    if (header === null || header.sha256 !== sha256) header = { sha256, map: segments[0]?.map ?? '' };
    const { map } = header;
    return segments.map((segment) => ({ ...segment, map }));
  });
}

async function assertPresent(
  { input, storage, progress }: StageContext<Input>,
  renditions: readonly JoinedRendition[],
): Promise<void> {
  const sets = [
    ...renditions.flatMap(({ parts }) => parts.map(({ set }) => set)),
    ...(input.sound?.tracks ?? []).map(({ set }) => set),
  ];
  for (const [index, set] of sets.entries()) {
    if (!(await storage.present(set)))
      throw new PermanentError(
        `segments of ${input.plan.name} in ${set.uri} are not there any more, or have other sizes; enqueue the video anew`,
        { code: 'segments-lost' },
      );
    progress(0.1 + (0.6 * (index + 1)) / sets.length, 'looking for segments');
  }
}

/** What does not add up came out of our own hands: another attempt would find the same, so the sentence goes to an operator. */
function refuse(name: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new PermanentError(`the stream of ${name} must not be used: ${problems.join('; ')}. Enqueue it anew`, {
    code: 'bad-stream',
  });
}
