/**
 * Which frame of a film is worth showing. Pure: frames come as luma, facts are measured on them, and facts become a choice.
 *
 * A frame is worth showing when one sees something on it: neither black nor burnt out (its mean), not flat (contrast), not
 * nearly empty as a title card is (entropy), not blurred (the variance of its Laplacian against that of the film's sharp
 * frames: Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000), and not in the middle of a fade, where
 * the mean moves from one tenth of a second to the next. Beginning and end, where the titles are, count a little less.
 */

export interface FrameFacts {
  /** Mean of the luma, 0 (black) to 255. */
  luma: number;
  /** Standard deviation of the luma. */
  contrast: number;
  /** Bits that a pixel says, of its luma in 64 steps: 0 (one colour) to 6. */
  entropy: number;
  /** Variance of the Laplacian: the more edges and the sharper, the more. */
  sharpness: number;
}

/** Measure one frame: `width` × `height` bytes of full-range luma. */
export function factsOf(luma: Uint8Array, width: number, height: number): FrameFacts {
  const pixels = width * height;
  const histogram = new Uint32Array(64);
  let sum = 0;
  let squares = 0;
  for (let at = 0; at < pixels; at += 1) {
    const value = luma[at] as number;
    sum += value;
    squares += value * value;
    (histogram[value >> 2] as number) += 1;
  }
  const mean = sum / pixels;
  let entropy = 0;
  for (const count of histogram) if (count > 0) entropy -= (count / pixels) * Math.log2(count / pixels);
  return {
    luma: mean,
    contrast: Math.sqrt(Math.max(0, squares / pixels - mean * mean)),
    entropy,
    sharpness: laplacianVariance(luma, width, height),
  };
}

function laplacianVariance(luma: Uint8Array, width: number, height: number): number {
  let sum = 0;
  let squares = 0;
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1; x < width - 1; x += 1) {
      const at = y * width + x;
      const edge =
        4 * (luma[at] as number) -
        (luma[at - 1] as number) -
        (luma[at + 1] as number) -
        (luma[at - width] as number) -
        (luma[at + width] as number);
      sum += edge;
      squares += edge * edge;
    }
  }
  const count = Math.max(1, (width - 2) * (height - 2));
  return squares / count - (sum / count) ** 2;
}

const between = (value: number): number => Math.max(0, Math.min(1, value));

/** Neither dark nor burnt out nor flat nor empty. */
function shownBy({ luma, contrast, entropy }: FrameFacts): number {
  const exposed = between((luma - 14) / 40) * between((246 - luma) / 40);
  return exposed * between(contrast / 36) * between(entropy / 4.5);
}

const sharpAgainst = ({ sharpness }: FrameFacts, sharp: number): number =>
  sharp === 0 ? 0 : between(sharpness / sharp);

/** How much there is to see on each frame of a film, 0 to 1, in the order they come. */
export function scoresOf(frames: readonly FrameFacts[]): number[] {
  const sharp = sharpOf(frames);
  return frames.map((frame, index) => {
    const place = frames.length < 2 ? 0.5 : index / (frames.length - 1);
    const titled = place < 0.04 || place > 0.92 ? 0.7 : 1;
    return shownBy(frame) * sharpAgainst(frame, sharp) * titled;
  });
}

/** The best frames, best first, none close to another: where one is a bad choice its neighbours are too. */
export function shortlist(scores: readonly number[], most: number): number[] {
  const apart = Math.max(1, Math.floor(scores.length / (3 * most)));
  const chosen: number[] = [];
  const order = scores.map((_, index) => index).sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  for (const index of order) {
    if (chosen.length === most) break;
    if (chosen.every((other) => Math.abs(other - index) >= apart)) chosen.push(index);
  }
  return chosen;
}

/**
 * Which frame of which place: the one that shows most, is sharpest and stands still in its light. A place is the frames around
 * it, a tenth of a second apart; they are judged anew, since a picture in small may have stood for another moment. Null when
 * there is no frame at all.
 */
export function chooseFrame(places: readonly (readonly FrameFacts[])[]): { place: number; frame: number } | null {
  const sharp = sharpOf(places.flat());
  let best: { place: number; frame: number; worth: number } | null = null;
  for (const [place, frames] of places.entries()) {
    for (const [frame, facts] of frames.entries()) {
      // A little for every frame, so that a film that is black from end to end has its black picture.
      const worth = (shownBy(facts) * sharpAgainst(facts, sharp) + 1e-6) * stillness(frames, frame);
      if (best === null || worth > best.worth) best = { place, frame, worth };
    }
  }
  return best;
}

/** 1 where the light stays as it is, near 0 in a fade or a flash. */
function stillness(frames: readonly FrameFacts[], at: number): number {
  const here = frames[at] as FrameFacts;
  const moves = [frames[at - 1], frames[at + 1]].map((other) =>
    other === undefined ? 0 : Math.abs(other.luma - here.luma) + Math.abs(other.contrast - here.contrast),
  );
  // Between two cuts a frame may differ from one neighbour; a fade differs from both.
  const [before = 0, after = 0] = moves;
  const both =
    frames[at - 1] === undefined || frames[at + 1] === undefined ? Math.max(before, after) : Math.min(before, after);
  return Math.max(0.02, between(1 - (both - 1.5) / 8));
}

/** What counts as sharp among these frames: a tenth of them may be sharper, as a page of text is, and gains nothing by it. */
function sharpOf(frames: readonly FrameFacts[]): number {
  const sorted = frames.map(({ sharpness }) => sharpness).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.9)] ?? 0;
}
