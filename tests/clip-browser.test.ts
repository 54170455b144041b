/**
 * A spliced clip in a real browser: its edges and its middle come from different encoders, each with its own parameter sets, and
 * nobody can see where they meet. Every frame that is sought is the one that is shown, and it plays to its end.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openTools } from '@reelfleet/media';
import { clip } from '@reelfleet/pipelines';
import { atTestEnd, chromiumMissing, launchChromium, withChromium } from '@reelfleet/testkit';
import { describe, expect, test } from 'vitest';
import { refOf, runStage, sketchProviders } from '../packages/pipelines/src/testing.ts';
import { counter } from '../packages/pipelines/src/testing-stream.ts';

const FIRST = 13;

/** In the page: the number on every frame, each sought for itself; then all of it is played. */
const lookAt = (frames: number) => `(async () => {
  const video = document.querySelector('video');
  const heard = (name) => new Promise((resolve, reject) => {
    video.addEventListener(name, resolve, { once: true });
    video.addEventListener('error', () => reject(new Error(video.error.message)), { once: true });
  });
  if (video.readyState < 2) await heard('loadeddata');
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [320, 180];
  const sheet = canvas.getContext('2d', { willReadFrequently: true });
  // Two greys, in the video's own range of brightness.
  const digit = (x) => Math.round((16 + (sheet.getImageData(x, 90, 1, 1).data[0] * 219) / 255 - 20) / 12);
  const numbers = [];
  for (let frame = 0; frame < ${frames}; frame += 1) {
    const sought = heard('seeked');
    video.currentTime = (frame + 0.5) / 25;
    await sought;
    // The frame is painted with the next one of the page.
    await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)));
    sheet.drawImage(video, 0, 0, 320, 180);
    numbers.push(digit(80) + 16 * digit(240));
  }
  const back = heard('seeked');
  video.currentTime = 0;
  await back;
  video.playbackRate = 2;
  const ended = heard('ended');
  await video.play();
  await ended;
  return { numbers, duration: video.duration, at: video.currentTime };
})()`;

/** Serves the page and the clip, in the ranges that a browser asks for. */
async function serve(file: string): Promise<string> {
  const bytes = readFileSync(file);
  const server = createServer(({ url, headers }, answer) => {
    if (url === '/') {
      answer.setHeader('content-type', 'text/html');
      answer.end('<video muted preload="auto" src="/clip.mp4"></video>');
      return;
    }
    const [, from = '0', to = ''] = /bytes=(\d+)-(\d*)/.exec(headers.range ?? '') ?? [];
    const [start, end] = [Number(from), to === '' ? bytes.length - 1 : Number(to)];
    const range = { 'accept-ranges': 'bytes', 'content-range': `bytes ${start}-${end}/${bytes.length}` };
    answer.writeHead(headers.range ? 206 : 200, { 'content-type': 'video/mp4', ...range });
    answer.end(bytes.subarray(start, end + 1));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  atTestEnd(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe.skipIf(chromiumMissing() !== null)(withChromium('a spliced clip'), { timeout: 90_000 }, () => {
  test('shows the right frame wherever it is sought, and plays from its first frame to its last', async () => {
    const root = await mkdtemp(join(tmpdir(), 'clip-browser-'));
    atTestEnd(() => rm(root, { recursive: true, force: true }));
    const tools = openTools({ threads: 2 });
    const film = join(root, 'film.mp4');
    await tools.ffmpeg([
      ...['-y', '-f', 'lavfi', '-i', counter('320x180', '25', 150), '-f', 'lavfi', '-i', 'sine=440:d=6'],
      ...[
        '-c:v',
        'libx264',
        '-preset',
        'medium',
        '-g',
        '40',
        '-x264-params',
        'scenecut=0:b-adapt=0',
        '-c:a',
        'aac',
        film,
      ],
    ]);
    const moment = { id: randomUUID(), identifier: 'a1b2', title: 'A moment', start: FIRST / 25, end: 5.08 };
    const order = { source: await refOf(film, 'raw'), name: 'the film', moment, durationSeconds: 6 };
    const made = await runStage(clip, order, { root, tools, providers: sketchProviders(tools) });
    const frames = made.frames as number;
    // Both edges are there, and something between them.
    expect(made.copiedFrames as number).toBeGreaterThan(70);
    expect(made.encodedFrames as number).toBeGreaterThan(27);

    const page = await (await launchChromium()).newPage();
    await page.goto(await serve(fileURLToPath(made.clip.uri)));
    const seen = (await page.evaluate(lookAt(frames))) as { numbers: number[]; duration: number; at: number };
    expect(seen.numbers).toEqual(Array.from({ length: frames }, (_, n) => FIRST + n));
    expect(seen.duration).toBeCloseTo(frames / 25, 2);
    expect(seen.at).toBeCloseTo(frames / 25, 1);
  });
});
