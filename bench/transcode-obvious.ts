/** The best single command for the same ladder: one process, one decode, the same filters and encoder settings, HLS at once. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tools } from '@reelfleet/core';
import { encoderFor, gopFrames, type Plan, printed, SOUND_KBITS } from '@reelfleet/media';
import type { StreamPlan } from '@reelfleet/pipelines';

export async function planObviousLadder(source: string, plan: StreamPlan, folder: string): Promise<Plan> {
  const { renditions, grid } = plan;
  const { num, den } = grid.rate;
  const encoder = encoderFor('h264');
  const hls = async (name: string) => {
    await mkdir(join(folder, name), { recursive: true });
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
  const outputs: string[] = [];
  for (const [index, rung] of renditions.entries())
    outputs.push(
      ...[
        '-map',
        `[out${index}]`,
        ...encoder.options(rung, gopFrames(grid.rate)),
        '-fps_mode',
        'cfr',
        '-r',
        `${num}/${den}`,
      ],
      ...(await hls(rung.quality)),
    );
  outputs.push('-map', '0:a:0', '-c:a', 'aac', '-b:a', `${SOUND_KBITS}k`, '-ac', '2', ...(await hls('sound')));
  return {
    what: 'the single command',
    args: [
      '-y',
      '-i',
      source,
      '-filter_complex',
      [`[0:v:0]split=${renditions.length}${outs}`, ...scales].join(';'),
      ...outputs,
    ],
  };
}

/** Mean likeness of every `step`-th frame of a rendition to the source at the rendition's size. */
export async function likenessOf(
  tools: Tools,
  source: string,
  playlist: string,
  { width, height }: { width: number; height: number },
  step: number,
): Promise<{ mean: number; frames: number }> {
  const chosen = `select=not(mod(n\\,${step})),setpts=N/TB`;
  const { stdout } = await tools.ffmpeg([
    ...['-i', source, '-allowed_extensions', 'ALL', '-i', playlist, '-filter_complex'],
    `[0:v:0]${chosen},scale=${width}:${height}:flags=bicubic,setsar=1,format=yuv420p[a];[1:v:0]${chosen},setsar=1[b];` +
      '[b][a]ssim,metadata=mode=print:file=-',
    ...['-f', 'null', '-'],
  ]);
  const seen = printed(stdout, 'lavfi.ssim.All');
  return { mean: seen.reduce((sum, value) => sum + value, 0) / seen.length, frames: seen.length };
}
