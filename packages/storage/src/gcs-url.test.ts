import { UserError } from '@reelfleet/core';
import { describe, expect, test } from 'vitest';
import { contentDisposition, placeOf } from './gcs-url.ts';

test.each([
  ['gs://bucket', { bucket: 'bucket', prefix: '', rootUri: 'gs://bucket' }],
  ['gs://bucket/', { bucket: 'bucket', prefix: '', rootUri: 'gs://bucket' }],
  ['gs://my.bucket-1/a/b/', { bucket: 'my.bucket-1', prefix: 'a/b/', rootUri: 'gs://my.bucket-1/a/b' }],
  ['gs://bucket/a%20é', { bucket: 'bucket', prefix: 'a é/', rootUri: 'gs://bucket/a%20%C3%A9' }],
])('%s is a place', (url, place) => {
  expect(placeOf(url)).toEqual(place);
});

test.each([
  'gs://',
  'gs:///a',
  'gs://B/a',
  'gs://user:secret@bucket/a',
  'gs://bucket/../x',
  'gs://bucket/a//b',
  'gs://bucket/%',
  'gs://bucket/a?secret',
])('%s is refused with one sentence, exit code 2 and no secret', (url) => {
  try {
    placeOf(url);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/^STORAGE_URL: .*takes gs:\/\/bucket\/prefix$/),
    });
    expect((error as Error).message).not.toContain('secret');
    return;
  }
  expect.unreachable('it was accepted');
});

describe('the name under which a file is saved', () => {
  test('comes in both spellings', () => {
    expect(contentDisposition('Été (1).mp4')).toBe(
      `attachment; filename="E_te_ (1).mp4"; filename*=UTF-8''%C3%89t%C3%A9%20%281%29.mp4`,
    );
  });
  test('cannot break out of its header', () => {
    expect(contentDisposition('a"\r\nSet-Cookie: x\\/y')).not.toMatch(/[\r\n]|\\|a"/);
  });
});
