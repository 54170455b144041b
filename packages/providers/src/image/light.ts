/**
 * The light of a picture: sky, source, haze and shadow colours for a time of day under a tint, and the grade that
 * develops it. Scenes take every colour from here or mix it towards here; that is what keeps a picture in one key.
 */
import { hex, lerp, mix, type RGB, scale, tinted } from './colour.ts';
import type { Grade } from './film.ts';
import { makeRng } from './noise.ts';
import type { SceneBrief, Time, Tint } from './prompt.ts';

export interface Light {
  /** Sky from top to horizon. */
  zenith: RGB;
  middle: RGB;
  horizon: RGB;
  /** The sky around the source. */
  halo: RGB;
  /** Light of sun or moon, above 1 by day. */
  source: RGB;
  /** What distance fades to. */
  haze: RGB;
  /** The darkest foreground. */
  shadow: RGB;
  /** Sky light on surfaces. */
  ambient: RGB;
  /** Lamps and windows. */
  lamp: RGB;
  /** 0 by day, 1 at night. */
  night: number;
}

const times: Record<Time, readonly [string, string, string, string, string, string, number]> = {
  // zenith, middle, horizon, halo, source, shadow, night
  dawn: ['#3d5590', '#9c8fc0', '#ffcba4', '#ffa877', '#ffd9a8', '#1a2240', 0.15],
  day: ['#2a6fc0', '#7db5e6', '#dfeef5', '#fff6e0', '#fff4dc', '#1c3436', 0],
  golden: ['#46649c', '#d89a86', '#ffc58c', '#ff9d4a', '#ffb86a', '#241a2a', 0.05],
  dusk: ['#1b1d50', '#6d4488', '#f47c66', '#ff9a5e', '#ffa468', '#120f2c', 0.5],
  night: ['#060b22', '#10224c', '#284876', '#8fb0e8', '#c4d6ff', '#03060f', 1],
};

const tints: Record<Tint, RGB | null> = {
  neutral: null,
  warm: hex('#ff8a50'),
  golden: hex('#ffa843'),
  cold: hex('#6fa8ff'),
  emerald: hex('#4fcf94'),
  pastel: hex('#ffc4d0'),
  violet: hex('#a070ff'),
  rose: hex('#ff7f9f'),
};

export function lightFor(brief: SceneBrief): Light {
  const rng = makeRng(brief.seed).fork('light');
  const [zenith, middle, horizon, halo, source, shadow, night] = times[brief.time];
  const tint = tints[brief.tint];
  const amount = brief.tint === 'pastel' ? 0.26 : lerp(0.2, 0.36, rng.next());
  const dull = brief.weather === 'rain' || brief.weather === 'storm' ? 0.45 : brief.weather === 'mist' ? 0.2 : 0;
  const grey = mix(hex(middle), hex(shadow), 0.35);
  const key = (code: string, k = 1, open = 1): RGB => {
    const overcast = mix(hex(code), grey, dull * open);
    const pale = brief.tint === 'pastel' ? mix(overcast, hex('#f6d9e4'), (night > 0.8 ? 0.06 : 0.28) * open) : overcast;
    return tint ? tinted(pale, tint, amount * k) : pale;
  };
  const skyHorizon = key(horizon, 0.85);
  return {
    zenith: key(zenith, 0.6),
    middle: key(middle, 0.7),
    horizon: skyHorizon,
    halo: scale(key(halo, 0.6), 1 - dull * 0.6),
    source: scale(key(source, 0.5), night > 0.8 ? 0.9 : 1.6),
    haze: scale(mix(skyHorizon, key(middle, 0.4), 0.78), 0.62),
    // Neither rain nor pastel lifts the darkest dark, or the picture loses its ground.
    shadow: key(shadow, 0.7, 0),
    ambient: mix(key(zenith), key(middle), 0.6),
    lamp: hex('#ffb35c'),
    night,
  };
}

const grades: Record<Tint, readonly [RGB, RGB, RGB]> = {
  // balance, lift of shadows, push of highlights
  neutral: [
    [1, 1, 1],
    [0.0005, 0.001, 0.003],
    [0.02, 0.01, -0.005],
  ],
  warm: [
    [1.08, 0.99, 0.86],
    [0.003, 0.001, 0.001],
    [0.03, 0.012, -0.01],
  ],
  golden: [
    [1.07, 1.0, 0.84],
    [0.0025, 0.0015, 0.001],
    [0.03, 0.02, -0.015],
  ],
  cold: [
    [0.9, 1.0, 1.12],
    [0, 0.001, 0.005],
    [-0.01, 0.01, 0.03],
  ],
  emerald: [
    [0.94, 1.04, 0.96],
    [0, 0.002, 0.0025],
    [0.01, 0.02, -0.005],
  ],
  pastel: [
    [1.04, 0.99, 1.02],
    [0.006, 0.005, 0.008],
    [0.02, 0.005, 0.01],
  ],
  violet: [
    [1.0, 0.94, 1.1],
    [0.002, 0.0005, 0.005],
    [0.02, -0.005, 0.02],
  ],
  rose: [
    [1.08, 0.95, 0.98],
    [0.003, 0.0008, 0.003],
    [0.03, 0, 0.005],
  ],
};

export function gradeFor(brief: SceneBrief): Grade {
  const [balance, shadows, highlights] = grades[brief.tint];
  return {
    balance,
    shadows,
    highlights,
    exposure: 1,
    saturation: brief.tint === 'pastel' ? 0.92 : 1.08,
    contrast: brief.tint === 'pastel' ? 0.15 : 0.45,
    vignette: 0.42,
  };
}
