/** What a real browser makes of stored bytes. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromiumMissing, launchChromium, until, watchPage, withChromium } from '@reelfleet/testkit';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';
import { makeVideo, store } from './testing.ts';

describe.skipIf(chromiumMissing() !== null)(withChromium('in a browser'), () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    server = await startTestServer();
    browser = await launchChromium();
  });

  test('a stored page runs no script of its own and reaches nothing here', async () => {
    const script = '<script>document.title = "ran"; fetch("/api/runs")</script>';
    const html = `<!doctype html><title>still</title>${script}<img src=x onerror="document.title='ran'"><p id=there>there`;
    const page = await browser.newPage();
    const asked: string[] = [];
    page.on('response', (response) => asked.push(new URL(response.url()).pathname));
    for (const [name, body, contentType] of [
      ['page.html', html, 'text/html'],
      ['plain.bin', html, 'application/octet-stream'],
      ['pic.svg', `<svg xmlns="http://www.w3.org/2000/svg">${script}</svg>`, 'image/svg+xml'],
    ] as const) {
      const { id } = await store(server, `hostile/${name}`, body, { contentType });
      await page.goto(`${server.origin}/api/artifacts/${id}/content`).catch((error) => {
        // What the browser cannot show it saves.
        if (!String(error).includes('Download is starting')) throw error;
      });
      expect(await page.title()).not.toBe('ran');
    }
    // The three documents, and nothing of what they ask for.
    expect(asked.filter((path) => !/^\/api\/artifacts\/[^/]+\/content$/.test(path))).toEqual([]);
    expect(asked.length).toBe(3);
  });

  test('a video plays and seeks, by itself and inside of a page', async () => {
    const path = join(server.folder, 'film.mp4');
    const source = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=10:duration=60'];
    execFileSync('ffmpeg', [
      '-v',
      'error',
      ...source,
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-pix_fmt',
      'yuv420p',
      path,
    ]);
    const film = await store(server, 'film/film.mp4', readFileSync(path), { contentType: 'video/mp4' });
    const { id } = await makeVideo(server, { title: 'Film', uri: film.uri });
    const address = `/api/videos/${id}/content`;

    const page = await browser.newPage();
    const troubles = watchPage(page, server.origin);
    const parts: number[] = [];
    page.on('response', (response) => {
      if (response.url().endsWith(address)) parts.push(response.status());
    });
    await page.goto(`${server.origin}${address}`, { waitUntil: 'commit' });
    await seek(page, 55);
    await page.goto(`${server.origin}/docs`);
    await page.waitForSelector('.opblock');
    await page.evaluate(`document.body.innerHTML = '<video muted preload="auto" src="${address}"></video>'`);
    await seek(page, 30);
    expect(parts).toContain(206);
    expect(troubles).toEqual({ errors: [], strangers: [] });
  });
});

/** Sends the page's video to a second, and waits for its picture. Asked again and again: where scripts may not run, no event arrives. */
async function seek(page: Page, second: number): Promise<void> {
  const ask = (what: string) =>
    page.evaluate(`(() => { const video = document.querySelector('video'); return ${what}; })()`);
  await until(() => ask('video !== null && video.readyState >= 1'), { what: 'the video is known' });
  await ask(`video.currentTime = ${second}`);
  await until(() => ask(`video.readyState >= 2 && !video.seeking && Math.abs(video.currentTime - ${second}) < 1`), {
    what: `the picture at second ${second}`,
  });
}
