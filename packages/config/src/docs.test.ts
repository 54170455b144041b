/** What people read about settings is what the program takes. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { envExample, settingsTable } from './index.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

test('.env.example names every setting as the schema does', () => {
  expect(read('.env.example')).toBe(envExample());
});
test('the settings named in the README exist', () => {
  const known = new Set(settingsTable().map((row) => row.name as string));
  const named =
    read('README.md')
      .match(/`([A-Z][A-Z_]+)`/g)
      ?.map((name) => name.slice(1, -1)) ?? [];
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});
