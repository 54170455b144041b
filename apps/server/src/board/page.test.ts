import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startTestServer } from '../testing.ts';
import { fitAnswer, fitPage, INLINE_STYLE, STYLE_PATH } from './page.ts';

const installed = dirname(createRequire(import.meta.resolve('@bull-board/api')).resolve('@bull-board/ui/package.json'));

describe("Bull Board's page", () => {
  const raw = readFileSync(join(installed, 'dist/index.ejs'), 'utf8');

  it('asks strangers for nothing and has nothing inline, though Bull Board does', () => {
    expect(raw).toMatch(/https:\/\/fonts\.|<style>|style="/);
    const page = fitPage(raw);
    expect(page).not.toMatch(/https?:\/\//);
    expect(page).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*(src=|application\/json))/);
    expect(page).toContain(`<link href="${STYLE_PATH.slice(1)}" rel="stylesheet">`);
    expect([...page.matchAll(/<script defer src="static\//g)].length).toBeGreaterThan(0);
    expect(page.match(/<div/g)?.length).toBe(page.match(/<\/div>/g)?.length);
  });

  it('is sent with a policy that lets in its own files and one style by its hash', async () => {
    const { origin } = await startTestServer();
    const response = await fetch(`${origin}/queues/queue/music?status=failed`);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(response.status).toBe(200);
    expect(policy).toContain(`style-src 'self' ${INLINE_STYLE}`);
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("base-uri 'self'");
    expect(policy).not.toMatch(/unsafe|https?:/);
    const css = await fetch(`${origin}/queues${STYLE_PATH}`);
    expect(css.headers.get('content-type')).toMatch(/^text\/css/);
  });
});

describe('an answer under /queues', () => {
  it('that is a page of another part stays as it is', () => {
    expect(fitAnswer('text/html; charset=utf-8', '<head></head>')).toBe('<head></head>');
    expect(fitAnswer('application/json', '{"a":1}')).toBe('{"a":1}');
  });

  it('that is a problem carries its words also under the names that the page shows', () => {
    const problem = { type: 'about:blank', title: 'Unauthorized', status: 401, detail: 'log in first' };
    expect(JSON.parse(fitAnswer('application/problem+json; charset=utf-8', JSON.stringify(problem)))).toEqual({
      ...problem,
      error: 'Unauthorized',
      message: 'log in first',
    });
  });
});

it('the hash is that of three colours of an icon, and of nothing more', () => {
  const rules = [
    '.rds-b1 {fill: #ae7d83}',
    '.rds-b2 {fill: #c29ea2}',
    '.rds-b3 {fill: #e2d0d2}',
    '',
    '.dark-mode .rds-b1 {fill: #a26169}',
    '.dark-mode .rds-b2 {fill: #7b4a50}',
    '.dark-mode .rds-b3 {fill: #514042}',
  ].map((rule) => (rule === '' ? '\n' : `\n      ${rule}`));
  const digest = createHash('sha256')
    .update(`${rules.join('')}\n    `)
    .digest('base64');
  expect(INLINE_STYLE).toBe(`'sha256-${digest}'`);
});
