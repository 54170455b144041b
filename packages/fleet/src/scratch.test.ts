import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { attemptScratch, openScratch } from './scratch.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'reelfleet-scratch-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('an attempt that asks for no scratch leaves the disk alone', async () => {
  const scratch = attemptScratch(root, 't1-2');
  await scratch.remove();
  expect(readdirSync(root)).toEqual([]);
});

test('an attempt that asks finds its folder there, each time the same, and it goes with all it holds', async () => {
  const scratch = attemptScratch(root, 't1-2');
  writeFileSync(join(scratch.path, 'a'), 'x');
  expect(scratch.path).toBe(join(root, 't1-2'));
  expect(readdirSync(scratch.path)).toEqual(['a']);
  await scratch.remove();
  expect(readdirSync(root)).toEqual([]);
});

test('an aborted handler that asks too late brings no folder back', async () => {
  const scratch = attemptScratch(root, 't1-2');
  await scratch.remove();
  expect(existsSync(scratch.path)).toBe(false);
});

test('the folders of its attempts go with a dead worker', async () => {
  const { path } = await openScratch(root, 'one');
  writeFileSync(join(attemptScratch(path, 't1-2').path, 'a'), 'x');
  // Its owner is another process by now: the pid is taken, the birth is not ours.
  writeFileSync(join(path, 'owner.json'), JSON.stringify({ pid: process.pid, birth: 'long ago' }));
  const next = await openScratch(root, 'two');
  expect(next.removed).toBe(1);
  expect(readdirSync(root)).toEqual(['worker-two']);
});
