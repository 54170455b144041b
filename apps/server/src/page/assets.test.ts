/** The page as it is handed out: what a browser gets, keeps, and may not get. */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';
import { type PageAssets, readPageAssets } from './assets.ts';

const warnings: string[] = [];
let assets: PageAssets;
let server: TestServer;

beforeAll(async () => {
  const listen = (warning: Error) => void warnings.push(String(warning));
  process.on('warning', listen);
  assets = await readPageAssets();
  server = await startTestServer();
  process.off('warning', listen);
});

const ask = (path: string, headers: Record<string, string> = {}) => fetch(`${server.origin}${path}`, { headers });

test('every module that a module imports is served, and nothing has kept its types', () => {
  const names = [...assets.files.keys()];
  const missing = names
    .filter((name) => /\.(ts|js)$/.test(name))
    .flatMap((name) => importsOf(name, textOf(name)).filter((wanted) => !assets.files.has(wanted)));
  expect(missing).toEqual([]);
  expect(
    names.filter((name) => name.endsWith('.ts') && /^\s*(interface|import type|export type)\b/m.test(textOf(name))),
  ).toEqual([]);
});

test('no file is served that no module, page or sheet asks for', () => {
  const wanted = new Set([...assets.files.keys()].flatMap((name) => importsOf(name, textOf(name))));
  const page = assets.html.body.toString().replace(/<link rel="modulepreload"[^>]*>/g, '');
  const idle = [...assets.files.keys()].filter((name) => !wanted.has(name) && !page.includes(`/${name}"`));
  expect(idle).toEqual([]);
});

test('stripping the types at start says nothing on stderr', () => {
  expect(warnings).toEqual([]);
});

describe('the page', () => {
  test('allows its import map by hash, and no other script or style in itself', async () => {
    const answer = await ask('/');
    const policy = answer.headers.get('content-security-policy') ?? '';
    const html = await answer.text();
    const inline = [...html.matchAll(/<script(?![^>]*\bsrc=)[^>]*>([^<]*)<\/script>/g)].map(([, text]) =>
      createHash('sha256')
        .update(text ?? '')
        .digest('base64'),
    );
    expect(answer.status).toBe(200);
    expect(inline).toHaveLength(1);
    expect(policy).toContain(`script-src 'self' 'sha256-${inline[0]}'`);
    expect(policy).not.toContain('unsafe');
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=/);
  });

  test('is asked for each time and sent once; its files are kept for ever', async () => {
    const page = await ask('/');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const again = await ask('/', { 'if-none-match': page.headers.get('etag') ?? '' });
    expect(again.status).toBe(304);
    const main = /src="([^"]+main\.ts)"/.exec(await page.text())?.[1] ?? '';
    const file = await ask(main);
    expect(file.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(file.headers.get('cache-control')).toContain('immutable');
    expect((await ask(main, { 'if-none-match': file.headers.get('etag') ?? '' })).status).toBe(304);
  });

  test('of another version gets the file there is, and does not keep it', async () => {
    const file = await ask('/assets/0000000000000000/style.css');
    expect([file.status, file.headers.get('cache-control')]).toEqual([200, 'no-cache']);
  });

  test.each([
    '/assets/x/src/format.test.ts',
    '/assets/x/index.ts',
    '/assets/x/package.json',
    '/assets/x/..%2f..%2fpackage.json',
    '/assets/x/src/%2e%2e/package.json',
    '/assets/x/',
    '/assets/x/lit-html/package.json',
  ])('does not hand out %s', async (path) => {
    expect((await ask(path)).status).toBe(404);
  });
});

const textOf = (name: string): string => assets.files.get(name)?.body.toString() ?? '';

/** Paths as they are served, of what a served module imports. */
function importsOf(name: string, text: string): string[] {
  if (!/\.(ts|js)$/.test(name)) return [];
  const found = [...text.matchAll(/(?:\bfrom|\bimport)\s*["']([^"']+)["']/g)].map(([, path]) => path ?? '');
  return found.map((path) => {
    if (path === 'lit-html') return 'lit-html/lit-html.js';
    return path.startsWith('.') ? new URL(path, `http://x/${name}`).pathname.slice(1) : path;
  });
}
