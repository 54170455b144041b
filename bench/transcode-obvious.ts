/** The best single command for the same ladder: one process, one decode, the same filters and encoder settings, HLS at once. */
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tools } from '@reelfleet/core';
import { encoderFor, gopFrames, printed, SOUND_KBITS } from '@reelfleet/media';
import type { StreamPlan } from '@reelfleet/pipelines';

/** The arguments of ffmpeg; `threads` are those of its decoder and its filters. */
export function obviousCommand(source: string, plan: StreamPlan, folder: string, threads: number): string[] {
  const { renditions, grid } = plan;
  const { num, den } = grid.rate;
  const encoder = encoderFor('h264');
  const hls = (name: string) => {
    mkdirSync(join(folder, name), { recursive: true });
    return [
      ...['-f', 'hls', '-hls_time', '6', '-hls_segment_type', 'fmp4', '-hls_playlist_type', 'vod'],
      ...['-hls_segment_filename', join(folder, name, '%05d.m4s'), join(folder, name, 'list.m3u8')],
    ];
  };
  const outs = renditions.map((_, index) => `[p${index}]`).join('');
  const scales = renditions.map(
    ({ width, height }, index) =>
      `[p${index}]scale=${width}:${height}:flags=bicubic,setsar=1,${encoder.format(8)}[out${index}]`,
  );
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-v', 'warning', '-y'],
    ...['-filter_threads', String(threads), '-filter_complex_threads', String(threads)],
    ...['-threads', String(threads), '-i', source],
    ...['-filter_complex', [`[0:v:0]split=${renditions.length}${outs}`, ...scales].join(';')],
    ...renditions.flatMap((rung, index) => [
      ...['-map', `[out${index}]`, ...encoder.options(rung, gopFrames(grid.rate))],
      ...['-fps_mode', 'cfr', '-r', `${num}/${den}`, ...hls(rung.quality)],
    ]),
    ...['-map', '0:a:0', '-c:a', 'aac', '-b:a', `${SOUND_KBITS}k`, '-ac', '2', ...hls('sound')],
  ];
}

export interface Compared {
  readonly playlist: string;
  readonly width: number;
  readonly height: number;
}

export interface Likeness {
  /** Mean SSIM. */
  readonly mean: number;
  readonly frames: number;
}

/** How like the source every `step`-th frame of each rendition's first `seconds` is, at its size; all from one reading of the source. */
export async function likenessOf(
  tools: Tools,
  source: string,
  compared: readonly Compared[],
  { step, seconds, folder }: { step: number; seconds: number; folder: string },
): Promise<Likeness[]> {
  const chosen = `select=not(mod(n\\,${step})),setpts=N/TB`;
  const input = (...file: string[]) => ['-t', String(seconds), ...file.slice(0, -1), '-i', file.at(-1) as string];
  const notes = (index: number) => `ssim-${index}.txt`;
  const graph = [
    `[0:v:0]${chosen},split=${compared.length}${compared.map((_, index) => `[s${index}]`).join('')}`,
    ...compared.map(
      ({ width, height }, index) =>
        `[s${index}]scale=${width}:${height}:flags=bicubic,setsar=1,format=yuv420p[a${index}];` +
        `[${index + 1}:v:0]${chosen},setsar=1[b${index}];` +
        `[b${index}][a${index}]ssim,metadata=mode=print:file=${notes(index)}[out${index}]`,
    ),
  ];
  await tools.ffmpeg(
    [
      ...[...input(source), ...compared.flatMap(({ playlist }) => input('-allowed_extensions', 'ALL', playlist))],
      ...['-filter_complex', graph.join(';')],
      ...compared.flatMap((_, index) => ['-map', `[out${index}]`, '-f', 'null', '-']),
    ],
    { cwd: folder, timeoutMs: 3_600_000 },
  );
  return Promise.all(
    compared.map(async (_, index) => {
      const seen = printed(await readFile(join(folder, notes(index)), 'utf8'), 'lavfi.ssim.All');
      return { mean: seen.reduce((sum, value) => sum + value, 0) / seen.length, frames: seen.length };
    }),
  );
}
