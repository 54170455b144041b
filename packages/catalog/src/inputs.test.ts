import { expect, test } from 'vitest';
import { lookAtInput } from './inputs.ts';

test('every address that names a stored file is found, wherever it stands and however it is spelled', () => {
  const input = {
    source: 'file:///a',
    list: [{ deep: 'GS://bucket/b' }, ' file:///c', 'fi\tle:///d'],
    's3://bucket/e': 'https://example.org/file:///f',
    title: 'a profile: of file: names',
    number: 1,
    nothing: null,
  };
  const { problem, addresses } = lookAtInput(input);
  expect(problem).toBeNull();
  expect(addresses.sort()).toEqual([' file:///c', 'GS://bucket/b', 'fi\tle:///d', 'file:///a', 's3://bucket/e']);
});

test.each<[string, unknown, RegExp]>([
  ['a NUL', { a: ['b\0'] }, /NUL/],
  ['a NUL in a name', { 'b\0': 1 }, /NUL/],
  ['half a surrogate pair', { a: '\ud800' }, /half of a pair/],
  ['a hundred and one levels', JSON.parse(`${'['.repeat(102)}${']'.repeat(102)}`), /deeper than 100/],
  ['too many values', { a: Array(100_001).fill(1) }, /more than 100000 values/],
])('%s cannot be kept', (_name, input, problem) => {
  expect(lookAtInput(input).problem).toMatch(problem);
});
