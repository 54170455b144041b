import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PermanentError, type WebSource } from '@reelfleet/core';
import { openTools } from '@reelfleet/media';
import { openWeb } from '@reelfleet/providers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { newDiary, refOf, runStage, sketchProviders } from '../testing.ts';
import { importStage, mediaType } from './import.ts';
import { probe } from './probe.ts';

const tools = openTools({ threads: 1 });

function world(web: WebSource = openWeb({ allowPrivate: true, waitMs: 5 })) {
  const root = mkdtempSync(join(tmpdir(), 'reelfleet-import-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return { root, tools, providers: { ...sketchProviders(tools), web } };
}

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('import of an address', () => {
  test('stores what is there under a name with its ending, and tells where it is from without its secrets', async () => {
    const bytes = Buffer.alloc(200_000, 'film');
    const origin = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': bytes.length }).end(bytes);
    });
    const diary = newDiary();
    const input = { url: `${origin}/film?token=hush`, fileName: 'My Film.MP4' };
    const { source, fileName, url } = await runStage(importStage, input, world(), {}, diary);
    expect(source).toMatchObject({ kind: 'raw', sizeBytes: bytes.length, contentType: 'video/mp4' });
    expect(readFileSync(fileURLToPath(source.uri)).equals(bytes)).toBe(true);
    expect([source.uri.endsWith('/source.mp4'), fileName, url]).toEqual([
      true,
      'My Film.MP4',
      `${origin}/film?token=***`,
    ]);
    expect(diary.progress.at(-1)).toEqual({ fraction: 1, step: 'downloading' });
    expect(diary.moves).toBeGreaterThan(0);
  });

  test('stores nothing of a file that breaks off for good, or that must not be opened', async () => {
    const origin = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 1_000_000 });
      response.write('beginning', () => response.destroy());
    });
    const open = world();
    await expect(runStage(importStage, { url: origin, fileName: 'a.mp4' }, open)).rejects.toThrow(/went no further/);
    const closed = world(openWeb());
    const refused = runStage(importStage, { url: origin, fileName: 'a.mp4' }, closed);
    await expect(refused).rejects.toThrow(/private or reserved network/);
    await expect(refused).rejects.toBeInstanceOf(PermanentError);
  });

  test.each([
    [{ fileName: 'a' }, /takes either the/],
    [{ url: 'ftp://example.org/a', fileName: 'a' }, /is no http or https address/],
    [{ url: 'file:///etc/passwd', fileName: 'a' }, /is no http or https address/],
    [{ url: '/etc/passwd', fileName: 'a' }, /is no http or https address/],
    [{ url: 'https://ann:hush@example.org/a', fileName: 'a' }, /holds a user name or a password/],
    [{ url: 'https://example.org/a', fileName: '' }, /fileName/],
  ])('takes no %j', (input, problem) => {
    const checked = importStage.input.safeParse(input);
    expect(JSON.stringify(checked.error?.issues)).toMatch(problem);
  });
});

describe('import of an upload', () => {
  test('answers with the file itself when every byte of it is there', async () => {
    const here = world();
    writeFileSync(join(here.root, 'up.mp4'), 'film');
    const upload = await refOf(join(here.root, 'up.mp4'), 'raw');
    expect(await runStage(importStage, { upload, fileName: 'up.mp4' }, here)).toEqual({
      source: upload,
      fileName: 'up.mp4',
      url: null,
    });
  });

  test('refuses one that is gone, or is another than was uploaded, at the first attempt', async () => {
    const here = world();
    const path = join(here.root, 'up.mp4');
    writeFileSync(path, 'film');
    const upload = await refOf(path, 'raw');
    for (const change of [() => writeFileSync(path, 'fiml'), () => rmSync(path)]) {
      change();
      const failed = runStage(importStage, { upload, fileName: 'up.mp4' }, here);
      await expect(failed).rejects.toThrow(/is not in the store as it was uploaded: upload the file again$/);
      await expect(failed).rejects.toBeInstanceOf(PermanentError);
    }
  });
});

test('what a server calls a file is believed only where no browser could take it for a page', () => {
  const table = [
    ['video/mp4', 'video/mp4'],
    ['audio/x-m4a', 'audio/x-m4a'],
    ['text/html', 'application/octet-stream'],
    ['image/svg+xml', 'application/octet-stream'],
    ['video/mp4\r\nset-cookie: x', 'application/octet-stream'],
    [null, 'application/octet-stream'],
  ] as const;
  for (const [said, kept] of table) expect(mediaType(said)).toBe(kept);
});

describe('what is imported and is no film is refused by probe, at the first attempt, in one sentence', () => {
  const playlist = (address: string) =>
    `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${address}\n#EXT-X-ENDLIST\n`;
  let asked = 0;
  const table: [string, string, (origin: string) => string][] = [
    ['a file of no bytes', 'empty.mp4', () => ''],
    ['a text that is called .mp4', 'text.mp4', () => 'Dear diary,\n'.repeat(200)],
    ['a playlist that points at a file of the machine', 'list.mp4', () => playlist('file:///etc/passwd')],
    ['a playlist that points at an internal address', 'list.m3u8', (origin) => playlist(`${origin}/secret.ts`)],
    ['a playlist by its media type only', 'list', (origin) => playlist(`${origin}/secret.ts`)],
    ['a list of files to put together', 'list.mp4', () => "ffconcat version 1.0\nfile '/etc/passwd'\n"],
    [
      'a DASH manifest',
      'list.mpd',
      (origin) => `<?xml version="1.0"?><MPD><BaseURL>${origin}/secret.mp4</BaseURL></MPD>`,
    ],
    ['a page', 'page.mp4', () => '<!DOCTYPE html><html><body>hello</body></html>'],
  ];
  test.each(table)('%s', async (_title, name, body) => {
    asked = 0;
    const origin = await serve((_request, response) => {
      asked += 1;
      response.end('secret');
    });
    const here = world();
    const path = join(here.root, name);
    writeFileSync(path, body(origin));
    const source = await refOf(path, 'raw');
    const failure = await runStage(probe, { source }, here).then(
      () => expect.unreachable(),
      (error: Error) => error,
    );
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toMatch(/cannot be read as video or audio|not a media file|neither video nor audio/);
    expect(failure.message).not.toMatch(/root:|\n/);
    expect(asked).toBe(0);
  });
});
