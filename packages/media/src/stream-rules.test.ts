import { describe, expect, test } from 'vitest';
import { bandwidth, masterPlaylist, mediaPlaylist, type PlaylistSegment, targetDuration } from './playlists.ts';
import { brokenRules, type StreamTexts, streamRules } from './stream-rules.ts';

const segments = (folder: string, ...seconds: number[]): PlaylistSegment[] =>
  seconds.map((length, index) => ({
    uri: `../../chunk/001/2/${folder}/${index}.m4s`,
    seconds: length,
    sizeBytes: 100_000 * length,
    map: `../../chunk/001/2/${folder}/init.mp4`,
  }));

const video = segments('720p', 6.006, 6.006, 1.5);
const small = segments('360p', 6.006, 6.006, 1.5);
const sound = segments('sound-1', 5.99, 6.01, 1.5);
const target = targetDuration([video, small, sound]);
const variant = (uri: string, list: PlaylistSegment[], height: number) => ({
  ...{ uri, segments: list, codecs: 'avc1.640028', width: (height * 16) / 9, height, frameRate: 29.97 },
});
const track = (uri: string, name: string, isDefault: boolean) => ({
  ...{ uri, name, language: 'en', isDefault, channels: 2, codecs: 'mp4a.40.2', segments: sound },
});
const whole = (): StreamTexts => ({
  master: masterPlaylist(
    [variant('720p.m3u8', video, 720), variant('360p.m3u8', small, 360)],
    [track('sound-1.m3u8', 'English', true), track('sound-2.m3u8', 'Comment "x"', false)],
  ),
  media: new Map([
    ['720p.m3u8', mediaPlaylist(video, target)],
    ['360p.m3u8', mediaPlaylist(small, target)],
    ['sound-1.m3u8', mediaPlaylist(sound, target)],
    ['sound-2.m3u8', mediaPlaylist(sound, target)],
  ]),
});
const known = new Map([...video, ...small, ...sound].map((segment) => [segment.uri, segment]));

const inMedia = (change: (text: string) => string): StreamTexts => {
  const stream = whole();
  return {
    ...stream,
    media: new Map([...stream.media].map(([name, text], at) => [name, at === 0 ? change(text) : text])),
  };
};
const inMaster = (change: (text: string) => string): StreamTexts => ({ ...whole(), master: change(whole().master) });

/** One stream for each rule that breaks it. */
const breaches: Readonly<Record<string, StreamTexts>> = {
  'playlists are UTF-8 without a byte order mark and without control characters': inMedia((text) =>
    text.replace('VOD', 'VOD\u0007'),
  ),
  'the first line is #EXTM3U': inMedia((text) => text.replace('#EXTM3U\n', '\n#EXTM3U\n')),
  'there is one EXT-X-VERSION, of at least 6 where EXT-X-MAP is used': inMedia((text) =>
    text.replace('VERSION:7', 'VERSION:5'),
  ),
  'no attribute is named twice in one list': inMaster((text) =>
    text.replace('BANDWIDTH=', 'RESOLUTION=1x1,BANDWIDTH='),
  ),
  'a playlist is either a master or a media playlist': inMedia((text) => `${text}#EXT-X-STREAM-INF:BANDWIDTH=1\n`),
  'every segment has an EXTINF with its duration': inMedia((text) => text.replace('#EXTINF:1.500000,\n', '')),
  'there is one EXT-X-TARGETDURATION, and no segment, rounded, lasts longer': inMedia((text) =>
    text.replace('DURATION:6', 'DURATION:5'),
  ),
  'all media playlists have the same target duration': inMedia((text) => text.replace('DURATION:6', 'DURATION:7')),
  'EXT-X-MEDIA-SEQUENCE comes before the first segment': inMedia((text) =>
    text.replace('#EXT-X-MEDIA-SEQUENCE:0\n', '').replace('#EXT-X-ENDLIST', '#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-ENDLIST'),
  ),
  'a playlist of type VOD is finished': inMedia((text) => text.replace('#EXT-X-ENDLIST\n', '')),
  'every segment of fragmented MP4 has an initialisation section (EXT-X-MAP)': inMedia((text) =>
    text.replace(/#EXT-X-MAP.*\n/, ''),
  ),
  'a media playlist has segments, and each address is one that was stored, once': inMedia((text) =>
    text.replace('/1.m4s', '/0.m4s'),
  ),
  'durations are those of the segments': inMedia((text) => text.replace('6.006000', '5.000000')),
  'the tracks of a group have different names, and at most one is the default': inMaster((text) =>
    text.replaceAll('DEFAULT=NO', 'DEFAULT=YES'),
  ),
  'a default track is AUTOSELECT': inMaster((text) => text.replaceAll('AUTOSELECT=YES', 'AUTOSELECT=NO')),
  'every EXT-X-STREAM-INF is followed by an address, which has a playlist': inMaster((text) =>
    text.replace('\n360p.m3u8', '\n365p.m3u8'),
  ),
  'BANDWIDTH is at least what any segment of the variant takes with its sound': inMaster((text) =>
    text.replace(/(:|,)BANDWIDTH=\d+/g, '$1BANDWIDTH=1000'),
  ),
  'an AUDIO attribute names a group that is there, with a playlist for each track': inMaster((text) =>
    text.replace('sound-2.m3u8', 'sound-9.m3u8'),
  ),
  'CODECS names every format of the variant and its sound': inMaster((text) => text.replace(',mp4a.40.2', '')),
};

describe('a stream as we write it', () => {
  test('breaks no rule', () => {
    expect(brokenRules(whole(), known)).toEqual([]);
  });

  test('says how much it takes at most and on average, with its sound', () => {
    expect(bandwidth(video)).toEqual({ peak: 800_000, average: 800_000 });
    expect(whole().master).toContain('BANDWIDTH=1600000,AVERAGE-BANDWIDTH=1600000');
    // A short rest is no peak: it counts with what is beside it (4.1).
    const dense = { ...(video[2] as PlaylistSegment), seconds: 0.1, sizeBytes: 50_000 };
    expect(bandwidth([...video.slice(0, 2), dense]).peak).toBeLessThan(900_000);
  });

  test('quotes no quotes: what a file calls its tracks cannot break out', () => {
    expect(whole().master).toContain('NAME="Comment  x"');
  });
});

describe('a stream that breaks a rule is told so:', () => {
  for (const { section, must } of streamRules) {
    test(`RFC 8216, ${section}: ${must}`, () => {
      const broken = breaches[must];
      expect(broken, 'there is a breach for every rule').toBeDefined();
      const said = brokenRules(broken as StreamTexts, known);
      expect(said.join('\n')).toContain(`(RFC 8216, ${section}: ${must})`);
    });
  }

  test('what a library cannot parse', () => {
    expect(
      brokenRules(
        inMedia(() => 'hello\n'),
        known,
      ).join(),
    ).toMatch(/cannot be parsed|kind it should be/);
  });
});
