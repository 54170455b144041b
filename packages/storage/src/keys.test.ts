import { isAbsolute, join, relative, sep } from 'node:path';
import { PermanentError } from '@reelfleet/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { archiveKey, checkKey, checkPrefix, keyBelow, keyProblem, unarchivedKey, uriBelow } from './keys.ts';

const rootUri = 'file:///srv/store';
/** Strings made of what makes paths dangerous, mixed with any text. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '..',
        '.',
        '/',
        '//',
        '\\',
        '%2e%2e',
        '%2F',
        '%',
        '\0',
        '\n',
        '~',
        'a',
        'é',
        '😀',
        '\ud800',
        '?',
        '#',
        ' ',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));
const good = hostile.filter((key) => keyProblem(key) === null);

describe('keys', () => {
  test('no accepted key escapes the root', () => {
    fc.assert(
      fc.property(hostile, (key) => {
        if (keyProblem(key) !== null) return;
        const below = relative('/srv/store', join('/srv/store', key));
        expect(below).toBe(key);
        expect(isAbsolute(below) || below.split(sep).includes('..') || below.includes('\0')).toBe(false);
      }),
      { numRuns: 3000 },
    );
  });

  test('every accepted key comes back from its URI, and the URI is a URL of that very path', () => {
    fc.assert(
      fc.property(good, (key) => {
        const uri = uriBelow(rootUri, key);
        expect(keyBelow(rootUri, uri)).toBe(key);
        expect(new URL(uri).href.startsWith(`${rootUri}/`)).toBe(true);
        expect(decodeURIComponent(new URL(uri).pathname)).toBe(`/srv/store/${key}`);
      }),
      { numRuns: 1000 },
    );
  });

  test('a URI is a key below the root or refused, whatever it contains', () => {
    fc.assert(
      fc.property(
        hostile,
        fc.constantFrom(`${rootUri}/`, rootUri, 'file:///srv/', 'gs://bucket/', ''),
        (tail, head) => {
          let key: string;
          try {
            key = keyBelow(rootUri, head + tail);
          } catch (error) {
            expect(error).toBeInstanceOf(PermanentError);
            return;
          }
          expect(keyProblem(key)).toBeNull();
          expect(uriBelow(rootUri, key)).toBe(head + tail);
        },
      ),
      { numRuns: 3000 },
    );
  });

  test.each([
    ['', 'empty'],
    ['/etc/passwd', 'absolute'],
    ['runs//a', 'empty segment'],
    ['runs/a/', 'empty segment'],
    ['runs/../a', 'the segment ".."'],
    ['runs/./a', 'the segment "."'],
    ['../a', 'starts with a dot'],
    ['.incoming/a', 'starts with a dot'],
    ['runs\\a', 'backslash'],
    ['runs/\0', 'control character'],
    ['runs/a\nb', 'control character'],
    ['runs/\ud800', 'Unicode'],
    [`runs/${'a'.repeat(256)}`, '255 bytes'],
    [`runs/${'é'.repeat(128)}`, '255 bytes'],
    ['abcdefghi/'.repeat(110), '1024 bytes'],
  ])('key %j is refused, and the sentence says why', (key, why) => {
    expect(() => checkKey(key)).toThrow(PermanentError);
    expect(() => checkKey(key)).toThrow(why);
  });

  test('a prefix is nothing, a folder, or a folder with the beginning of a name', () => {
    for (const prefix of ['', 'runs/', 'runs/1/mu']) expect(checkPrefix(prefix)).toBe(prefix);
    for (const prefix of ['/', '/runs', '../', 'runs//', 'runs/../', '.incoming/']) {
      expect(() => checkPrefix(prefix), prefix).toThrow(PermanentError);
    }
  });

  test('an archived file remembers the key it had', () => {
    expect(archiveKey('v1', 'runs/r1/render/2/album.mp4')).toBe('archive/v1/runs/r1/render/2/album.mp4');
    expect(unarchivedKey(archiveKey('v1', 'runs/r1/a'))).toBe('runs/r1/a');
    expect(() => unarchivedKey('runs/r1/a')).toThrow('not in the archive');
    expect(() => archiveKey('v1', '../a')).toThrow(PermanentError);
  });
});
