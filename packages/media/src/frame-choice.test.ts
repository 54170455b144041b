import { describe, expect, test } from 'vitest';
import { chooseFrame, type FrameFacts, factsOf, scoresOf, shortlist } from './frame-choice.ts';

const WIDTH = 64;
const HEIGHT = 36;
/** A frame painted by a function of the place. */
const frame = (paint: (x: number, y: number) => number): FrameFacts =>
  factsOf(
    Uint8Array.from({ length: WIDTH * HEIGHT }, (_, at) =>
      Math.max(0, Math.min(255, Math.round(paint(at % WIDTH, Math.floor(at / WIDTH))))),
    ),
    WIDTH,
    HEIGHT,
  );
const scene = (x: number, y: number) => 120 + 60 * Math.sin(x * 1.1) + 50 * Math.cos(y * 0.9 + x * 0.3);
const soft = (x: number, y: number) => 120 + 60 * Math.sin(x * 0.1) + 50 * Math.cos(y * 0.1 + x * 0.03);
const faded = (share: number) => frame((x, y) => share * scene(x, y));

describe('the facts of a frame', () => {
  test('of one colour are its light and nothing else', () => {
    expect(frame(() => 77)).toEqual({ luma: 77, contrast: 0, entropy: 0, sharpness: 0 });
  });

  test('of a chessboard are a mean, a full contrast, one bit and many edges', () => {
    const { luma, contrast, entropy, sharpness } = frame((x, y) => ((x + y) % 2) * 255);
    expect([luma, contrast, entropy]).toEqual([127.5, 127.5, 1]);
    expect(sharpness).toBeGreaterThan(1_000_000);
  });

  test('tell a sharp picture from the same kind of picture out of focus', () => {
    expect(frame(scene).sharpness).toBeGreaterThan(20 * frame(soft).sharpness);
  });
});

describe('the score', () => {
  const film = [
    frame(() => 0),
    frame(scene),
    frame(soft),
    frame(() => 255),
    faded(0.15),
    frame(() => 120),
    frame(scene),
  ];
  test('of a clear picture is above that of black, white, grey, soft and faded ones', () => {
    const [black, clear = 0, blurred = 1, white, dim = 1, grey] = scoresOf(film);
    expect([black, white, grey]).toEqual([0, 0, 0]);
    expect(clear).toBeGreaterThan(3 * blurred);
    expect(clear).toBeGreaterThan(3 * dim);
  });

  test('counts titles at the beginning and the end a little less', () => {
    const scores = scoresOf(Array.from({ length: 40 }, () => frame(scene)));
    expect(scores[0]).toBeLessThan(scores[20] ?? 0);
    expect(scores[39]).toBeLessThan(scores[20] ?? 0);
  });
});

describe('the shortlist', () => {
  test('is the best first, the earlier of equals first, and none beside another', () => {
    const scores = Array.from({ length: 60 }, (_, index) => (index === 30 ? 0.9 : index === 31 ? 0.8 : 0.5));
    expect(shortlist(scores, 3)).toEqual([30, 0, 6]);
  });

  test('of a film of one frame is that frame, and of no film none', () => {
    expect(shortlist([0], 5)).toEqual([0]);
    expect(shortlist([], 5)).toEqual([]);
  });
});

describe('the choice', () => {
  const still = [frame(scene), frame(scene), frame(scene)];
  test('is never in a fade, though its frames are as rich', () => {
    const fading = [0.7, 0.85, 1].map(faded);
    expect(chooseFrame([fading, still])?.place).toBe(1);
  });

  test('is the sharp frame among shaken ones', () => {
    const shaken = [frame(soft), frame(soft), frame(scene), frame(soft)];
    expect(chooseFrame([shaken])).toMatchObject({ place: 0, frame: 2 });
  });

  test('beside a cut is not taken for a fade', () => {
    const dark = frame((x, y) => 0.35 * scene(x, y));
    expect(chooseFrame([[dark, dark, frame(scene), frame(scene)]])).toMatchObject({ frame: 2 });
  });

  test('of black frames is one of them, and of none none', () => {
    const black = frame(() => 0);
    expect(chooseFrame([[black, black]])).toMatchObject({ place: 0, frame: 0 });
    expect(chooseFrame([[], []])).toBeNull();
  });
});
