/**
 * Whether the parts of a stream are the whole: pure sums over what every task measured of its own files. Each sentence names
 * what is wrong; none means that the frames of every rendition follow each other without gap or double from the first to the last.
 */
import { AAC_FRAME, gopFrames, segmentsOf } from '@reelfleet/media';
import { type ChunkOutput, HEADER, type RenditionPart, type SoundOutput, type StreamPlan } from './stream-parts.ts';

export interface JoinedRendition {
  rendition: StreamPlan['renditions'][number];
  /** Of the first part; a stream of one codec. */
  codecs: string;
  parts: RenditionPart[];
}

/** The parts of each rendition, in the order of the stream. */
export function joinedParts(plan: StreamPlan, chunks: readonly ChunkOutput[]): JoinedRendition[] {
  const ordered = [...chunks].sort((a, b) => a.index - b.index);
  return plan.renditions.map((rendition) => {
    const parts = ordered.flatMap((chunk) => chunk.renditions.filter(({ quality }) => quality === rendition.quality));
    return { rendition, codecs: highest(parts), parts };
  });
}

/** The most that a player must be able to do: parts of different encoders may name different levels, and the order of text is theirs. */
function highest(parts: readonly RenditionPart[]): string {
  return parts.reduce((most, { codecs }) => (codecs > most ? codecs : most), '');
}

export function problemsOfStream(
  plan: StreamPlan,
  chunks: readonly ChunkOutput[],
  renditions: readonly JoinedRendition[],
  sound: SoundOutput | null,
): string[] {
  const problems: string[] = [];
  const { rate, frames } = plan.grid;
  const ordered = [...chunks].sort((a, b) => a.index - b.index);
  plan.chunks.forEach((planned, at) => {
    const made = ordered[at];
    if (!made) problems.push(`chunk ${at + 1} is missing`);
    else if (made.startFrame !== planned.startFrame || made.frames !== planned.frames)
      problems.push(
        `chunk ${at + 1} has frames ${made.startFrame}+${made.frames} instead of ${planned.startFrame}+${planned.frames}`,
      );
    else if (made.decoded !== planned.source.frames)
      problems.push(`chunk ${at + 1} decoded ${made.decoded} frames of the source instead of ${planned.source.frames}`);
  });
  if (ordered.length > plan.chunks.length)
    problems.push(`there are ${ordered.length} chunks instead of ${plan.chunks.length}`);
  const [reference] = renditions;
  for (const { rendition, parts } of renditions) {
    const { quality } = rendition;
    const counted = parts.flatMap((part) => part.frames);
    const total = counted.reduce((sum, count) => sum + count, 0);
    if (total !== frames) problems.push(`${quality} has ${total} frames instead of ${frames}`);
    if (String(counted) !== String(segmentsOf(frames, rate)))
      problems.push(`${quality} is not cut into segments of ${gopFrames(rate) * 3} frames`);
    const listed = parts.flatMap(({ set }) => set.segments.filter(({ name }) => name !== HEADER));
    if (listed.length !== counted.length)
      problems.push(`${quality} has ${listed.length} files for ${counted.length} segments`);
    const names = listed.map(({ name }) => name);
    if (new Set(names).size !== names.length || String(names) !== String([...names].sort()))
      problems.push(`the segments of ${quality} are not numbered in order`);
    const seconds = listed.reduce((sum, segment) => sum + (segment.seconds ?? 0), 0);
    if (Math.abs(seconds - plan.durationSeconds) > rate.den / rate.num)
      problems.push(`${quality} lasts ${seconds.toFixed(3)} s instead of ${plan.durationSeconds.toFixed(3)} s`);
    if (String(parts.map(({ keys }) => keys)) !== String(reference?.parts.map(({ keys }) => keys)))
      problems.push(`the key frames of ${quality} are not where those of ${reference?.rendition.quality} are`);
    if (parts.some(({ set }) => !set.segments.some(({ name }) => name === HEADER)))
      problems.push(`${quality} lacks a header`);
  }
  const heard = sound?.tracks.length ?? 0;
  if (heard !== plan.sound.length) problems.push(`there are ${heard} tracks of sound instead of ${plan.sound.length}`);
  for (const track of sound?.tracks ?? []) {
    const seconds = track.samples / track.sampleRate;
    if (Math.abs(seconds - plan.durationSeconds) > AAC_FRAME / track.sampleRate + 1e-6)
      problems.push(
        `the sound ${track.name} lasts ${seconds.toFixed(3)} s instead of ${plan.durationSeconds.toFixed(3)} s`,
      );
  }
  return problems;
}
