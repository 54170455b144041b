/**
 * A fleet on many machines, watched: the album with its tickets on Redis and its files in an object store that fails
 * often, four workers, and a browser that follows the run through a server which is killed in the middle.
 *
 * ALBUM_TRACKS and ALBUM_SECONDS make it longer; WATCHED_SHOTS=folder keeps pictures of what the browser showed.
 */
import { fileURLToPath } from 'node:url';
import { migratedDatabase } from '@reelfleet/db/testing';
import { migrateQueue } from '@reelfleet/fleet';
import {
  chromiumMissing,
  freePort,
  launchChromium,
  redisMissing,
  startGcsServer,
  startProcess,
  startRedis,
  until,
  watchPage,
  withChromium,
  withRedis,
} from '@reelfleet/testkit';
import { describe, expect, test } from 'vitest';
import { albumFleet } from './support/album.ts';

const serverMain = fileURLToPath(new URL('../apps/server/src/main.ts', import.meta.url));
const TRACKS = Number(process.env.ALBUM_TRACKS ?? 3);
const SECONDS = Number(process.env.ALBUM_SECONDS ?? 6);
const shots = process.env.WATCHED_SHOTS;

/** What the browser's own EventSource has heard of the run. */
interface Heard {
  ids: number[];
  trail: string[];
  progress: number;
  ended: string[];
  opened: number;
}

describe.skipIf(redisMissing() !== null || chromiumMissing() !== null)(
  withRedis(withChromium('a watched fleet')),
  () => {
    test('makes its album from a store that fails, and the browser misses nothing though the server is killed', {
      timeout: 600_000,
    }, async () => {
      const database = await migratedDatabase({ migrateQueue });
      const redis = await startRedis();
      if (!redis) throw new Error('redis-server went away');
      const bucket = await startGcsServer({ faults: { rate: 0.05, seed: 7 } });
      const port = await freePort();
      const fleet = albumFleet(database.url, { REDIS_URL: redis.url, ...bucket.env, PORT: String(port) });
      const startServer = async () => {
        const server = startProcess({ args: [serverMain], env: fleet.settings, name: 'server', cwd: fleet.folder });
        await server.waitForLine(/^server ready/, { timeoutMs: 60_000 });
        return server;
      };
      let server = await startServer();
      const origin = `http://127.0.0.1:${port}`;
      for (let n = 0; n < 4; n++) await fleet.startWorker();
      const run = await fleet.enqueueAlbum(TRACKS, SECONDS);

      const browser = await launchChromium();
      const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
      page.setDefaultTimeout(60_000);
      const troubles = watchPage(page, origin);
      await page.goto(`${origin}/#/runs/${run}`);
      await page.evaluate(
        `window.heard = { ids: [], trail: [], progress: 0, ended: [], opened: 0 };
       const stream = new EventSource('/api/runs/${run}/events?lastEventId=0');
       stream.addEventListener('open', () => { heard.opened += 1; });
       stream.addEventListener('task', (event) => {
         const { id, stateVersion, action } = JSON.parse(event.data);
         heard.ids.push(Number(event.lastEventId));
         heard.trail.push(id + ' ' + stateVersion + ' ' + action);
       });
       stream.addEventListener('progress', () => { heard.progress += 1; });
       stream.addEventListener('end', (event) => { heard.ended.push(JSON.parse(event.data).status); });`,
      );
      const heard = () => page.evaluate('window.heard') as Promise<Heard>;
      await page.getByRole('heading', { name: 'Music' }).waitFor();
      if (shots) await page.screenshot({ path: `${shots}/watched-running.png`, fullPage: true });

      // The server dies in the middle; the browser comes back by itself, with the last id it has.
      await until(async () => (await heard()).ids.length > 6, {
        what: 'the browser to hear of some tasks',
        timeoutMs: 60_000,
      });
      server.kill('SIGKILL');
      await server.exited;
      server = await startServer();

      expect(await fleet.ended(run, 540_000)).toBe('completed');
      await until(async () => (await heard()).ended.includes('completed'), {
        what: 'the browser to hear of the end',
        timeoutMs: 60_000,
      });
      const { ids, trail, progress, opened } = await heard();
      const written = await fleet.db.query<{ entry: string }>(
        `select a.task_id || ' ' || a.state_version || ' ' || a.action as entry
       from task_audit a join tasks t on t.id = a.task_id where t.run_id = '${run}' order by a.id`,
      );
      expect(trail).toEqual(written.map((row) => row.entry));
      expect(ids).toEqual(ids.toSorted((a, b) => a - b));
      expect(opened).toBeGreaterThan(1);
      expect(progress).toBeGreaterThan(0);

      // The page shows it too, and plays the video from the bucket.
      await page.locator('.run-sum', { hasText: 'completed' }).waitFor();
      if (shots) await page.screenshot({ path: `${shots}/watched-completed.png`, fullPage: true });
      const details = (await (await fetch(`${origin}/api/runs/${run}`)).json()) as { run: { videoId: string } };
      const { videoId } = details.run;
      await page.goto(`${origin}/#/videos/${videoId}`);
      const moved = () => page.evaluate(`document.querySelector('video')?.currentTime ?? 0`) as Promise<number>;
      await page.locator('video').waitFor();
      await page.evaluate(
        `(() => { const video = document.querySelector('video'); video.muted = true; return video.play(); })()`,
      );
      await until(async () => (await moved()) > 0.5, { what: 'the video to play', timeoutMs: 60_000 });
      if (shots) await page.screenshot({ path: `${shots}/watched-player.png` });
      // While the server was away the browser said so on its console; nothing else went wrong.
      expect(troubles.strangers).toEqual([]);
      expect(
        troubles.errors.filter(
          (text) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY|Failed to load resource/.test(text),
        ),
      ).toEqual([]);

      expect(Object.keys(bucket.injected).length, JSON.stringify(bucket.injected)).toBeGreaterThan(3);
      bucket.setFaults(null);
      await fleet.expectWhole(run);
      server.kill('SIGTERM');
      expect((await server.waitForExit()).code).toBe(0);
      console.log(
        `requests ${JSON.stringify(bucket.requests)}, faults ${JSON.stringify(bucket.injected)}, ${trail.length} changes heard`,
      );
    });
  },
);
