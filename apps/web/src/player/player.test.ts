/** The pure parts of the player: keys, and pictures for scrubbing. */
import { describe, expect, test } from 'vitest';
import { wishOf } from './keys.ts';
import { cueAt, pictureOf } from './sprites.ts';

const pressed = (key: string, held: { altKey?: boolean; ctrlKey?: boolean; metaKey?: boolean } = {}) => ({
  key,
  altKey: false,
  ctrlKey: false,
  metaKey: false,
  ...held,
});

describe('keys', () => {
  test.each([
    [' ', { do: 'toggle' }],
    ['K', { do: 'toggle' }],
    ['ArrowLeft', { do: 'move', seconds: -5 }],
    ['l', { do: 'move', seconds: 10 }],
    ['8', { do: 'go', fraction: 0.8 }],
    ['End', { do: 'go', fraction: 1 }],
    ['ArrowUp', { do: 'volume', by: 0.1 }],
    ['c', { do: 'captions' }],
    ['x', null],
  ])('%j', (key, wish) => expect(wishOf(pressed(key), null)).toEqual(wish));

  test('that belong to the control in focus, or to the browser, are left to them', () => {
    expect(wishOf(pressed(' '), 'button')).toBeNull();
    expect(wishOf(pressed('m'), 'button')).toEqual({ do: 'mute' });
    expect(wishOf(pressed('ArrowDown'), 'list')).toBeNull();
    expect(wishOf(pressed('ArrowLeft'), 'volume')).toEqual({ do: 'volume', by: -0.1 });
    expect(wishOf(pressed('f', { ctrlKey: true }), null)).toBeNull();
    expect(wishOf(pressed('ArrowLeft', { altKey: true }), null)).toBeNull();
  });
});

describe('a picture for scrubbing', () => {
  const base = 'http://127.0.0.1:3000/files/runs/1/thumbnail/2/sprites.vtt';
  test('is a part of a sheet beside the file that names it', () => {
    expect(pictureOf('sprites/sheet-002.jpg#xywh=256,144,256,144', base)).toEqual({
      url: 'http://127.0.0.1:3000/files/runs/1/thumbnail/2/sprites/sheet-002.jpg',
      x: 256,
      y: 144,
      width: 256,
      height: 144,
    });
    expect(pictureOf('a.jpg#xywh=pixel:0,0,8,6\n', base)).toMatchObject({ width: 8, height: 6 });
  });

  test.each(['', 'a.jpg', 'a.jpg#xywh=0,0,0,0', 'a.jpg#xywh=percent:0,0,10,10', 'a b.jpg#xywh=0,0,1,1'])(
    'is not %j',
    (text) => expect(pictureOf(text, base)).toBeNull(),
  );

  test('is found by its second, the one before where there is a gap', () => {
    const cues = [0, 2, 4, 10].map((startTime) => ({ startTime }));
    expect([0, 1.9, 2, 9, 99].map((second) => cueAt(cues, second)?.startTime)).toEqual([0, 0, 2, 4, 10]);
    expect(cueAt([], 3)).toBeNull();
    expect(cueAt(cues, -1)).toBeNull();
  });
});
