/** For tests of what is said in a video: a transcript with its captions, moments and clips of a stream, as the stages leave them. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { type Param, text } from '@reelfleet/db';
import { store } from '../api/testing.ts';
import type { TestServer } from '../testing.ts';
import { STREAM_SECONDS } from './testing.ts';

/** One for every two seconds of the stream. */
export const LINES = [
  'The harbour wakes before the sun does.',
  'Fishing boats come home with their lamps still lit,',
  'and the first gulls quarrel over what falls from the nets.',
  'Nobody on the quay is in a hurry yet.',
  'Then the market opens, and everything changes.',
  'Ice is shovelled, prices are called, knives are sharpened.',
  'A good fish is sold in less time than it takes to name it.',
  'By nine the stalls are nearly empty.',
  'The tide turns, and with it the wind.',
  'Old sailors read it from the way the flags hang.',
  'A storm is two days away, they say,',
  'and they have never been wrong about a storm.',
] as const;

export const MOMENTS = [
  { start: 0, end: 6, title: 'Boats come home before dawn', score: 8 },
  { start: 8, end: 14, title: 'The market sells out by nine', score: 6 },
  { start: 16, end: 24, title: 'Reading a storm from the flags', score: 9 },
] as const;

/** Bounds of the last moment once it was looked at again. */
export const REFINED = {
  start: 18,
  end: 24,
  title: 'How old sailors read a storm',
} as const;

/** Padding of the clips. */
const PADDED = 1;

const identifierOf = (id: string | undefined) => (id ?? '').replaceAll('-', '').slice(0, 16);

type Server = Pick<TestServer, 'db' | 'storage'>;

/** `lines` times two seconds, over and over, for a transcript longer than the film. */
export async function addSaid(
  server: Server,
  { id: videoId, root }: { id: string; root: string },
  { lines = LINES.length }: { lines?: number } = {},
): Promise<void> {
  const { db } = server;
  const said = Array.from({ length: lines }, (_, n) => ({
    text: LINES[n % LINES.length] as string,
    start: n * 2,
    end: n * 2 + 1.8,
  }));
  const stamp = (seconds: number) =>
    `00:${String(Math.floor(seconds / 60)).padStart(2, '0')}:${(seconds % 60).toFixed(3).padStart(6, '0')}`;
  const cues = said.map(({ text, start, end }) => `${stamp(start)} --> ${stamp(end)}\n${text}`);
  const vtt = await store(server, `${root}/transcription/1/captions.vtt`, `WEBVTT\n\n${cues.join('\n\n')}\n`, {
    contentType: 'text/vtt; charset=utf-8',
    kind: 'captions',
    videoId,
  });
  const run = (statement: string, ...params: Param[]) => db.query(statement, params);
  const words = said.flatMap(({ text, start }) =>
    text.split(' ').map((word, n, all) => {
      const step = 1.8 / all.length;
      return { word, start: start + n * step, end: start + (n + 1) * step };
    }),
  );
  await run(
    `insert into transcripts (video_id, full_text, word_timestamps, segment_timestamps, number_of_words, number_of_segments, transcription_service, vtt_path)
    values ('${videoId}', $1::text, $2::text::jsonb, $3::text::jsonb, ${words.length}, ${said.length}, 'test', $4::text)`,
    text(said.map((one) => one.text).join(' ')),
    text(JSON.stringify(words)),
    text(JSON.stringify(said)),
    text(vtt.uri),
  );

  const ids = MOMENTS.map(() => randomUUID());
  for (const [n, { start, end, title, score }] of MOMENTS.entries())
    await run(
      `insert into moments (id, identifier, video_id, start_time, end_time, title, score, scoring_model, scored_at, generation_model)
      values ('${ids[n]}', '${identifierOf(ids[n])}', '${videoId}', ${start}, ${end}, $1::text, ${score}, 'test', now(), 'test')`,
      text(title),
    );
  await run(
    `insert into moments (id, identifier, video_id, start_time, end_time, title, is_refined, parent_id)
    values ('${randomUUID()}', '${identifierOf(randomUUID())}', '${videoId}', ${REFINED.start}, ${REFINED.end}, $1::text, true, '${ids[2]}')`,
    text(REFINED.title),
  );
  // The last one was not cut yet.
  for (const [n, { start, end }] of MOMENTS.slice(0, 2).entries()) {
    const from = Math.max(0, start - PADDED);
    const to = Math.min(STREAM_SECONDS, end + PADDED);
    const made = (args: string[]) =>
      execFileSync(
        'ffmpeg',
        ['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=s=640x360:r=25:d=${to - from}`, ...args, '-'],
        {
          maxBuffer: 2 ** 24,
        },
      );
    const movie = made([
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-movflags', 'frag_keyframe+empty_moov'],
      ...['-f', 'mp4'],
    ]);
    const key = `${root}/clip/0${n + 1}/1`;
    const clip = await store(server, `${key}/clip.mp4`, movie, { contentType: 'video/mp4', kind: 'clip', videoId });
    const picture = made(['-frames:v', '1', '-f', 'image2', '-c:v', 'mjpeg']);
    const still = await store(server, `${key}/thumbnail.jpg`, picture, {
      contentType: 'image/jpeg',
      kind: 'thumbnail',
      videoId,
    });
    await run(
      `insert into clips (id, moment_id, video_id, uri, start_time, end_time, padding_left, padding_right, size_bytes, format, video_codec, resolution)
      values ('${clip.id}', '${ids[n]}', '${videoId}', $1::text, ${from}, ${to}, ${start - from}, ${to - end}, ${movie.length}, 'mp4', 'h264', '640x360')`,
      text(clip.uri),
    );
    await run(`insert into thumbnails (clip_id, uri, size_bytes) values ('${clip.id}', $1::text, 1)`, text(still.uri));
  }
}
