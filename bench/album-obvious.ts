/** The one command people would type: every still at 30 frames a second and every track, through one filter graph. */
import type { Plan } from '@reelfleet/media';

export type Preset = 'medium' | 'veryfast';

export function planObvious(given: {
  stills: readonly string[];
  tracks: readonly string[];
  seconds: number;
  preset: Preset;
  file: string;
}): Plan {
  const { stills, tracks, seconds, preset, file } = given;
  const pictures = stills.map((_, at) => `[${at}:v]`).join('');
  const sounds = tracks.map((_, at) => `[${at + stills.length}:a]`).join('');
  return {
    what: `obvious ${preset}`,
    args: [
      '-y',
      ...stills.flatMap((path) => ['-loop', '1', '-framerate', '30', '-t', String(seconds), '-i', path]),
      ...tracks.flatMap((path) => ['-i', path]),
      '-filter_complex',
      `${pictures}concat=n=${stills.length}:v=1:a=0,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p[v];` +
        `${sounds}concat=n=${tracks.length}:v=0:a=1[a]`,
      ...['-map', '[v]', '-map', '[a]', '-c:v', 'libx264', '-preset', preset, '-crf', '20', '-r', '30'],
      ...['-c:a', 'aac', '-b:a', '192k', '-movflags', '+faststart', file],
    ],
  };
}
