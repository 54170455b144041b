/**
 * The playlists of a stream (RFC 8216), written from what was measured of its segments. Pure: addresses come in as they are to
 * be written. Media playlists are finished (`EXT-X-ENDLIST`), every segment begins with a key frame, and a header is named
 * again only where its bytes differ from the one before.
 */

export interface PlaylistSegment {
  uri: string;
  seconds: number;
  sizeBytes: number;
  /** The initialisation segment it belongs to. */
  map: string;
}

export interface VariantEntry {
  uri: string;
  segments: readonly PlaylistSegment[];
  codecs: string;
  width: number;
  height: number;
  frameRate: number;
}

export interface SoundEntry {
  uri: string;
  name: string;
  language: string | null;
  isDefault: boolean;
  channels: number;
  codecs: string;
  segments: readonly PlaylistSegment[];
}

const VERSION = 7;
const SOUND_GROUP = 'sound';

/** `EXT-X-TARGETDURATION`: no segment, rounded, may last longer; one for all playlists of a stream (RFC 8216, 4.3.3.1, 6.2.4). */
export function targetDuration(lists: readonly (readonly PlaylistSegment[])[]): number {
  return Math.max(1, ...lists.flat().map(({ seconds }) => Math.round(seconds)));
}

export function mediaPlaylist(segments: readonly PlaylistSegment[], target: number): string {
  const lines = [
    '#EXTM3U',
    `#EXT-X-VERSION:${VERSION}`,
    `#EXT-X-TARGETDURATION:${target}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    '#EXT-X-PLAYLIST-TYPE:VOD',
    '#EXT-X-INDEPENDENT-SEGMENTS',
  ];
  let map: string | null = null;
  for (const segment of segments) {
    if (segment.map !== map) lines.push(`#EXT-X-MAP:URI="${segment.map}"`);
    map = segment.map;
    lines.push(`#EXTINF:${segment.seconds.toFixed(6)},`, segment.uri);
  }
  return `${[...lines, '#EXT-X-ENDLIST'].join('\n')}\n`;
}

/** Bits a second: the most any segment takes, and all of them together (RFC 8216, 4.3.4.2). */
export function bandwidth(segments: readonly PlaylistSegment[]): { peak: number; average: number } {
  const bits = segments.reduce((sum, { sizeBytes }) => sum + sizeBytes * 8, 0);
  const seconds = segments.reduce((sum, segment) => sum + segment.seconds, 0);
  return {
    peak: Math.ceil(peakRate(segments)),
    average: Math.ceil(bits / seconds),
  };
}

/**
 * The peak rate is that of any run of segments between half and one and a half target durations long (RFC 8216, 4.1): a short
 * last segment counts together with the one before it, not alone.
 */
function peakRate(segments: readonly PlaylistSegment[]): number {
  const target = targetDuration([segments]);
  let peak = 0;
  segments.forEach((_, from) => {
    let bits = 0;
    let seconds = 0;
    for (const segment of segments.slice(from, from + 8)) {
      bits += segment.sizeBytes * 8;
      seconds += segment.seconds;
      if (seconds > 1.5 * target) break;
      if (seconds >= 0.5 * target) peak = Math.max(peak, bits / seconds);
    }
  });
  // Shorter than half a target altogether: its only rate.
  return (
    peak ||
    segments.reduce((sum, { sizeBytes }) => sum + sizeBytes * 8, 0) /
      segments.reduce((sum, { seconds }) => sum + seconds, 0)
  );
}

export function masterPlaylist(variants: readonly VariantEntry[], sounds: readonly SoundEntry[]): string {
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${VERSION}`, '#EXT-X-INDEPENDENT-SEGMENTS'];
  for (const sound of sounds) {
    lines.push(
      `#EXT-X-MEDIA:${attributes([
        ['TYPE', 'AUDIO'],
        ['GROUP-ID', quoted(SOUND_GROUP)],
        ['NAME', quoted(sound.name)],
        ...(sound.language ? [['LANGUAGE', quoted(sound.language)] as const] : []),
        ['DEFAULT', sound.isDefault ? 'YES' : 'NO'],
        ['AUTOSELECT', 'YES'],
        ['CHANNELS', quoted(String(sound.channels))],
        ['URI', quoted(sound.uri)],
      ])}`,
    );
  }
  // What a variant takes is its picture with the greediest of its sounds.
  const loudest = sounds.map(({ segments }) => bandwidth(segments));
  const most = (of: 'peak' | 'average') => Math.max(0, ...loudest.map((rates) => rates[of]));
  for (const variant of variants) {
    const { peak, average } = bandwidth(variant.segments);
    lines.push(
      `#EXT-X-STREAM-INF:${attributes([
        ['BANDWIDTH', String(peak + most('peak'))],
        ['AVERAGE-BANDWIDTH', String(average + most('average'))],
        ['CODECS', quoted([variant.codecs, ...new Set(sounds.map(({ codecs }) => codecs))].join(','))],
        ['RESOLUTION', `${variant.width}x${variant.height}`],
        ['FRAME-RATE', variant.frameRate.toFixed(3)],
        ...(sounds.length > 0 ? [['AUDIO', quoted(SOUND_GROUP)] as const] : []),
      ])}`,
      variant.uri,
    );
  }
  return `${lines.join('\n')}\n`;
}

const attributes = (list: readonly (readonly [string, string])[]): string =>
  list.map(([name, value]) => `${name}=${value}`).join(',');

/** A quoted string may hold neither quotes nor ends of lines (RFC 8216, 4.2); names come from users' files. */
const quoted = (text: string): string => `"${text.replace(/["\p{Cc}]/gu, ' ').trim()}"`;
