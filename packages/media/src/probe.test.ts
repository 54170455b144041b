import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTools } from './ffmpeg.ts';
import { parseProbe, probe, rational, untrustedInput } from './probe.ts';

const tools = openTools({ threads: 1 });
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'probe-test-'));
  await tools.ffmpeg([
    '-y',
    '-f',
    'lavfi',
    '-i',
    'testsrc=s=320x180:r=30000/1001:d=2',
    '-f',
    'lavfi',
    '-i',
    'sine=d=2',
    '-c:v',
    'libx264',
    join(dir, 'film.mp4'),
  ]);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('a probe', () => {
  test('tells streams, rational frame rate and counted frames of a film a user gave', async () => {
    const seen = await probe(tools, join(dir, 'film.mp4'), { trust: 'user', countPackets: true });
    expect(seen.video).toMatchObject([
      { codec: 'h264', width: 320, height: 180, fps: { num: 30_000, den: 1_001 }, frames: 60 },
    ]);
    expect(seen.audio).toMatchObject([{ codec: 'aac', sampleRate: 44_100, channels: 1 }]);
  });

  test('refuses a playlist that calls itself a film, so that it cannot name other files', async () => {
    const playlist = join(dir, 'video.mp4');
    await writeFile(
      playlist,
      `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${join(dir, 'film.mp4')}\n#EXT-X-ENDLIST\n`,
    );
    await expect(probe(tools, playlist, { trust: 'user' })).rejects.toThrow(
      /not in whitelist|Invalid|denied|exit code 1/i,
    );
    const concat = join(dir, 'other.mp4');
    await writeFile(concat, `ffconcat version 1.0\nfile ${join(dir, 'film.mp4')}\n`);
    await expect(probe(tools, concat, { trust: 'user' })).rejects.toThrow(/exit code 1/);
    // The same whitelists guard a transcode, where the copy would leave the machine.
    const copy = tools.ffmpeg(['-y', ...untrustedInput, '-i', playlist, '-c', 'copy', join(dir, 'leak.mp4')]);
    await expect(copy).rejects.toThrow(/exit code/);
  });

  test('refuses an answer that describes no media file with a sentence', () => {
    expect(() => parseProbe({}, 'x.bin')).toThrow('x.bin is not a media file that can be read');
  });

  test('reads unknown frame rates as unknown', () => {
    expect(rational('0/0')).toBeNull();
    expect(rational('30000/1001')).toEqual({ num: 30_000, den: 1_001 });
  });
});
