/**
 * The rules a stream must keep to be called HLS: the MUSTs of RFC 8216 that apply to finished streams of fragmented MP4 with
 * sound apart. Playlists are parsed with an m3u8 library as a client would; what a library forgives is looked for in the text.
 * Pure; every rule names its section and can say what breaks it.
 */
import { type types as hls, parse, setOptions, types } from 'hls-parser';
import type { PlaylistSegment } from './playlists.ts';

export interface StreamTexts {
  master: string;
  /** By the name the master has for them. */
  media: ReadonlyMap<string, string>;
}

interface Read {
  texts: StreamTexts;
  master: hls.MasterPlaylist;
  media: ReadonlyMap<string, hls.MediaPlaylist>;
  /** What is known of each segment, by its address in the playlists. */
  known: ReadonlyMap<string, PlaylistSegment>;
}

export interface StreamRule {
  section: string;
  must: string;
  /** It looks at the text alone, and so can be asked of what a library cannot read. */
  ofText?: true;
  /** What breaks it, one sentence each; empty when it is kept. */
  broken(stream: Read): string[];
}

const linesOf = (text: string) => text.split('\n');
const tagged = (text: string, tag: string) =>
  linesOf(text).filter((line) => line.startsWith(`${tag}:`) || line === tag);
const everyText = ({ texts }: Read): [string, string][] => [['master', texts.master], ...texts.media];
/** One sentence for each playlist that `wrong` says something of. */
const inEach = (lists: Iterable<[string, string]>, wrong: (text: string) => string | false): string[] =>
  [...lists].flatMap(([name, text]) => {
    const said = wrong(text);
    return said ? [`${name}: ${said}`] : [];
  });

const attributeNames = (line: string) =>
  [...line.slice(line.indexOf(':') + 1).matchAll(/([A-Z0-9-]+)=("[^"]*"|[^,]*)(?:,|$)/g)].map(([, name]) => name);

export const streamRules: readonly StreamRule[] = [
  {
    section: '4.1',
    must: 'playlists are UTF-8 without a byte order mark and without control characters',
    ofText: true,
    broken: (stream) =>
      inEach(
        everyText(stream),
        (text) => /[\p{Cc}\ufeff]/u.test(text.replaceAll('\n', '')) && 'holds characters that are not allowed',
      ),
  },
  {
    section: '4.3.1.1',
    must: 'the first line is #EXTM3U',
    ofText: true,
    broken: (stream) =>
      inEach(everyText(stream), (text) => !text.startsWith('#EXTM3U\n') && 'begins with something else'),
  },
  {
    section: '4.3.1.2, 7',
    must: 'there is one EXT-X-VERSION, of at least 6 where EXT-X-MAP is used',
    ofText: true,
    broken: (stream) =>
      inEach(everyText(stream), (text) => {
        const versions = tagged(text, '#EXT-X-VERSION').map((line) => Number(line.split(':')[1]));
        if (versions.length !== 1) return `has ${versions.length} versions`;
        return (
          (versions[0] as number) < 6 && tagged(text, '#EXT-X-MAP').length > 0 && 'uses EXT-X-MAP before version 6'
        );
      }),
  },
  {
    section: '4.2',
    must: 'no attribute is named twice in one list',
    ofText: true,
    broken: (stream) =>
      inEach(everyText(stream), (text) => {
        const twice = linesOf(text).find((line) => {
          const names = /^#EXT-X-(MEDIA|STREAM-INF|MAP):/.test(line) ? attributeNames(line) : [];
          return new Set(names).size !== names.length;
        });
        return twice !== undefined && `names an attribute twice: ${twice}`;
      }),
  },
  {
    section: '4.1',
    must: 'a playlist is either a master or a media playlist',
    ofText: true,
    broken: (stream) => [
      ...inEach(
        [['master', stream.texts.master]],
        (text) => /^#EXT(INF|-X-TARGETDURATION)/m.test(text) && 'has tags of a media playlist',
      ),
      ...inEach(
        stream.texts.media,
        (text) => /^#EXT-X-(STREAM-INF|MEDIA):/m.test(text) && 'has tags of a master playlist',
      ),
    ],
  },
  {
    section: '4.3.2.1',
    must: 'every segment has an EXTINF with its duration',
    ofText: true,
    broken: (stream) =>
      inEach(stream.texts.media, (text) => {
        const lines = linesOf(text);
        const bare = lines.find(
          (line, at) => line !== '' && !line.startsWith('#') && !/^#EXTINF:\d+(\.\d+)?,/.test(lines[at - 1] ?? ''),
        );
        return bare !== undefined && `${bare} has no duration`;
      }),
  },
  {
    section: '4.3.3.1',
    must: 'there is one EXT-X-TARGETDURATION, and no segment, rounded, lasts longer',
    broken: ({ texts, media }) => [
      ...inEach(
        texts.media,
        (text) => tagged(text, '#EXT-X-TARGETDURATION').length !== 1 && 'has not one target duration',
      ),
      ...[...media].flatMap(([name, { segments, targetDuration }]) =>
        segments.some(({ duration }) => Math.round(duration) > targetDuration)
          ? [`${name}: a segment is longer than the target duration`]
          : [],
      ),
    ],
  },
  {
    section: '6.2.4',
    must: 'all media playlists have the same target duration',
    broken: ({ media }) => {
      const targets = new Set([...media.values()].map(({ targetDuration }) => targetDuration));
      return targets.size > 1 ? [`target durations are ${[...targets].join(' and ')}`] : [];
    },
  },
  {
    section: '4.3.3.2',
    must: 'EXT-X-MEDIA-SEQUENCE comes before the first segment',
    ofText: true,
    broken: (stream) =>
      inEach(stream.texts.media, (text) => {
        const at = text.indexOf('#EXT-X-MEDIA-SEQUENCE:');
        return at > text.indexOf('#EXTINF') && 'numbers its segments after the first of them';
      }),
  },
  {
    section: '4.3.3.4, 4.3.3.5',
    must: 'a playlist of type VOD is finished',
    broken: ({ media }) =>
      [...media].flatMap(([name, { endlist, playlistType }]) =>
        endlist && playlistType === 'VOD' ? [] : [`${name}: is not finished`],
      ),
  },
  {
    section: '3.3',
    must: 'every segment of fragmented MP4 has an initialisation section (EXT-X-MAP)',
    broken: ({ media }) =>
      [...media].flatMap(([name, { segments }]) =>
        segments.every(({ map }) => map?.uri) ? [] : [`${name}: a segment has no header`],
      ),
  },
  {
    section: '3',
    must: 'a media playlist has segments, and each address is one that was stored, once',
    broken: ({ media, known }) =>
      [...media].flatMap(([name, { segments }]) => {
        const uris = segments.map(({ uri }) => uri);
        if (uris.length === 0) return [`${name}: has no segments`];
        if (new Set(uris).size !== uris.length) return [`${name}: names a segment twice`];
        const stranger = uris.find((uri) => !known.has(uri));
        return stranger === undefined ? [] : [`${name}: ${stranger} was not stored`];
      }),
  },
  {
    section: '4.3.2.1',
    must: 'durations are those of the segments',
    broken: ({ media, known }) =>
      [...media].flatMap(([name, { segments }]) =>
        segments.some(({ uri, duration }) => Math.abs(duration - (known.get(uri)?.seconds ?? duration)) > 0.001)
          ? [`${name}: a duration is not that of its segment`]
          : [],
      ),
  },
  {
    section: '4.3.4.1',
    must: 'the tracks of a group have different names, and at most one is the default',
    broken: ({ master }) => {
      const tracks = tracksOf(master);
      const names = tracks.map(({ groupId, name }) => `${groupId}/${name}`);
      return [
        ...(new Set(names).size === names.length ? [] : ['two tracks have one name']),
        ...(tracks.filter(({ isDefault }) => isDefault).length > 1 ? ['two tracks are the default'] : []),
      ];
    },
  },
  {
    section: '4.3.4.1',
    must: 'a default track is AUTOSELECT',
    broken: ({ master }) =>
      tracksOf(master).some(({ isDefault, autoselect }) => isDefault && !autoselect)
        ? ['the default track is not AUTOSELECT']
        : [],
  },
  {
    section: '4.3.4.2',
    must: 'every EXT-X-STREAM-INF is followed by an address, which has a playlist',
    broken: ({ texts, media }) => {
      const lines = linesOf(texts.master);
      const wrong = lines.filter((line, at) => line.startsWith('#EXT-X-STREAM-INF') && !media.has(lines[at + 1] ?? ''));
      return wrong.map((line) => `nothing belongs to ${line}`);
    },
  },
  {
    section: '4.3.4.2',
    must: 'BANDWIDTH is at least what any segment of the variant takes with its sound',
    broken: ({ master, media, known }) => {
      const rate = (uri: string | undefined) => {
        const rates = (media.get(uri ?? '')?.segments ?? []).map((segment) => {
          const { sizeBytes = 0, seconds = 1 } = known.get(segment.uri) ?? {};
          // A rest shorter than half a target duration counts with its neighbour (4.1), not alone.
          return seconds < (media.get(uri ?? '')?.targetDuration ?? 0) / 2 ? 0 : (sizeBytes * 8) / seconds;
        });
        return Math.max(0, ...rates);
      };
      const sound = Math.max(0, ...tracksOf(master).map(({ uri }) => rate(uri)));
      return master.variants.flatMap(({ uri, bandwidth }) =>
        bandwidth >= Math.floor(rate(uri) + sound) ? [] : [`${uri} takes more than its BANDWIDTH of ${bandwidth}`],
      );
    },
  },
  {
    section: '4.3.4.2',
    must: 'an AUDIO attribute names a group that is there, with a playlist for each track',
    broken: ({ texts, master, media }) => {
      const groups = new Set(tracksOf(master).map(({ groupId }) => groupId));
      const named = [...texts.master.matchAll(/[:,]AUDIO="([^"]*)"/g)].map(([, group]) => group as string);
      return [
        ...named.filter((group) => !groups.has(group)).map((group) => `there is no group ${group}`),
        ...tracksOf(master).flatMap(({ uri }) => (uri && media.has(uri) ? [] : [`there is no playlist ${uri}`])),
      ];
    },
  },
  {
    section: '4.3.4.2',
    must: 'CODECS names every format of the variant and its sound',
    broken: ({ master }) =>
      master.variants.flatMap(({ uri, codecs = '', audio }) => {
        const video = /(^|,)(avc1|hvc1|av01)\./.test(codecs);
        const sound = audio.length === 0 || /(^|,)mp4a\./.test(codecs);
        return video && sound ? [] : [`${uri} names "${codecs}"`];
      }),
  },
];

/** A group is listed by every variant that uses it; the same tracks are counted once. */
function tracksOf(master: hls.MasterPlaylist): hls.Rendition[] {
  const seen = new Map<string, hls.Rendition>();
  for (const track of master.variants.flatMap(({ audio }) => audio))
    seen.set(`${track.groupId} ${track.name} ${track.uri}`, track);
  return [...seen.values()];
}

/** Every rule that a stream breaks, as sentences; that a library cannot read a playlist is one too. */
export function brokenRules(texts: StreamTexts, known: ReadonlyMap<string, PlaylistSegment>): string[] {
  // It says what it finds on the console otherwise.
  setOptions({ silent: true });
  const problems: string[] = [];
  const stream: Read = { texts, master: new types.MasterPlaylist({}), media: new Map(), known };
  try {
    stream.master = masterOf(parse(texts.master));
    stream.media = new Map([...texts.media].map(([name, text]) => [name, mediaOf(parse(text))]));
  } catch (error) {
    problems.push(`a playlist cannot be parsed: ${error instanceof Error ? error.message : String(error)}`);
  }
  const unread = problems.length > 0;
  for (const { section, must, ofText, broken } of streamRules) {
    if (unread && !ofText) continue;
    for (const what of broken(stream)) problems.push(`${what} (RFC 8216, ${section}: ${must})`);
  }
  return problems;
}

function masterOf(list: hls.MasterPlaylist | hls.MediaPlaylist): hls.MasterPlaylist {
  if (list.isMasterPlaylist) return list as hls.MasterPlaylist;
  throw new Error('the master playlist is a media playlist');
}

function mediaOf(list: hls.MasterPlaylist | hls.MediaPlaylist): hls.MediaPlaylist {
  if (!list.isMasterPlaylist) return list as hls.MediaPlaylist;
  throw new Error('a media playlist is a master playlist');
}
