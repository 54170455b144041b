/** Light for ordinary screens, as filters: what is high dynamic range is brought down, what is ordinary stays as it is. Pure. */
import type { VideoStream } from './probe.ts';

/**
 * The usual chain of zimg (linear light, tone curve, BT.709), ending in `pixelFormat`; empty for an ordinary picture. Width and
 * height must be even before it.
 */
export function ordinaryLight(
  { dynamicRange, color }: Pick<VideoStream, 'dynamicRange' | 'color'>,
  pixelFormat: string,
): string[] {
  if (dynamicRange === 'sdr') return [];
  const transfer = dynamicRange === 'pq' ? 'smpte2084' : 'arib-std-b67';
  const matrix = color.space === 'bt2020c' ? 'bt2020c' : 'bt2020nc';
  return [
    `zscale=tin=${transfer}:pin=bt2020:min=${matrix}:t=linear:npl=100`,
    'format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv',
    `format=${pixelFormat}`,
  ];
}
