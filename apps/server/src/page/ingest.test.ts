/** From a file to its page: a film goes in by the command line, real workers make its stream, and a browser plays it. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { chromiumMissing, launchChromium, until, watchPage, withChromium } from '@reelfleet/testkit';
import { describe, expect, test } from 'vitest';
import { albumFleet } from '../../../../tests/support/album.ts';
import { startTestServer } from '../testing.ts';

const SECONDS = 20;
interface Film {
  currentTime: number;
  seeking: boolean;
  videoHeight: number;
}

describe.skipIf(chromiumMissing() !== null)(withChromium('an ingested film'), () => {
  test('has its thumbnail, its pictures for scrubbing and its qualities, and plays in each of them', {
    timeout: 240_000,
  }, async () => {
    const server = await startTestServer();
    const fleet = albumFleet(server.databaseUrl, { STORAGE_URL: `file://${server.folder}/storage` });
    await fleet.startWorker();
    const path = join(server.folder, 'harbour.mp4');
    execFileSync('ffmpeg', [
      ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=s=854x480:r=25:d=${SECONDS}`],
      ...['-f', 'lavfi', '-i', `sine=frequency=330:d=${SECONDS}`, '-c:v', 'libx264', '-preset', 'ultrafast'],
      ...['-pix_fmt', 'yuv420p', '-c:a', 'aac', '-shortest', path],
    ]);
    const said = await fleet.cli('enqueue', 'ingest', path, '--title', 'Harbour', '--no-transcription', '--json');
    expect(said.code, said.stderr).toBe(0);
    const { runId } = JSON.parse(said.stdout) as { runId: string };
    expect(await fleet.ended(runId, 200_000)).toBe('completed');
    const { videoId } = (await server.operator.run(runId)).run;
    const details = await server.operator.videos.show(videoId ?? '');
    expect(details).toMatchObject({
      streamUrl: expect.stringMatching(/\/master\.m3u8$/),
      spritesUrl: expect.stringMatching(/\/sprites\.vtt$/),
      video: { thumbnailUri: expect.stringMatching(/thumbnail\.jpg$/) },
    });
    const ready = details.qualities.filter(({ status }) => status === 'completed');
    expect(ready.map(({ quality }) => quality)).toEqual(['480p', '360p']);
    expect(details.qualities.find(({ quality }) => quality === '1080p')?.status).toBe('skipped');

    const browser = await launchChromium();
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(20_000);
    const troubles = watchPage(page, server.origin);
    await page.addInitScript(
      `window.troubles = [];
      document.addEventListener('trouble', (event) => troubles.push(event.detail), true);
      document.addEventListener('error', (event) => troubles.push('error of ' + event.target.nodeName), true);`,
    );
    await page.goto(`${server.origin}/#/videos/${videoId}`);
    const film = (): Promise<Film> =>
      page.locator('video').evaluate((video) => {
        const { currentTime, seeking, videoHeight } = video as unknown as Film;
        return { currentTime, seeking, videoHeight };
      });
    const playsFrom = (second: number) =>
      until(async () => !(await film()).seeking && (await film()).currentTime > second + 0.2, {
        what: `it to play on from second ${second}`,
        timeoutMs: 20_000,
      });
    /** WATCH_SHOTS=folder keeps pictures, for whoever wants to see what it looks like. */
    const look = (name: string) =>
      process.env.WATCH_SHOTS ? page.screenshot({ path: `${process.env.WATCH_SHOTS}/ingest-${name}.png` }) : null;
    await page.getByLabel('Quality').waitFor();
    await look('rest');
    await page.getByRole('button', { name: 'Play' }).first().click();
    await playsFrom(0.5);
    const bar = await page.getByLabel('Seek').boundingBox();
    if (bar === null) throw new Error('there is no bar');
    const [x, y] = [bar.x + 0.8 * bar.width, bar.y + bar.height / 2];
    await page.mouse.move(x, y);
    await page.locator('.seek-preview.seen .seek-picture:not([hidden])').waitFor();
    await look('preview');
    await page.mouse.click(x, y);
    await playsFrom(0.8 * SECONDS - 0.5);
    await page.keyboard.press('0');
    for (const [quality, lines] of [
      ['360p', 360],
      ['480p', 480],
    ] as const) {
      await page.getByLabel('Quality').selectOption(quality);
      await until(async () => (await film()).videoHeight === lines, { what: `${quality}`, timeoutMs: 20_000 });
    }
    expect({ ...troubles, stream: await page.evaluate('window.troubles') }).toEqual({
      errors: [],
      strangers: [],
      stream: [],
    });
  });
});
