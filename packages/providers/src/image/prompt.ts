/**
 * Words → scene brief. Reads an image prompt the way a set painter would: what place, which light, which colours, what
 * weather, which things must be in it. Pure; what the words leave open is chosen from the seed.
 */
import { hashText, makeRng } from './noise.ts';

export const families = [
  'mountains',
  'ocean',
  'forest',
  'city',
  'hall',
  'library',
  'hearth',
  'nightsky',
  'cosmos',
  'village',
  'desert',
  'garden',
] as const;
/** A kind of place, painted by one file in scenes/. */
export type Family = (typeof families)[number];

export type Time = 'dawn' | 'day' | 'golden' | 'dusk' | 'night';
export type Tint = 'neutral' | 'warm' | 'golden' | 'cold' | 'emerald' | 'pastel' | 'violet' | 'rose';
export type Weather = 'clear' | 'mist' | 'rain' | 'snow' | 'storm';

const featureWords = {
  aurora: /\b(aurora|northern lights)/,
  moon: /\b(moon\w*|lunar)/,
  planet: /\b(planets?|saturn|jupiter|gas giant|ringed|orbit\w*)/,
  station: /\b(station|spaceship|starship|cockpit|observation deck)/,
  castle: /\b(castles?|fortress|keep|citadel|palaces?|towers?|kingdom)/,
  chandelier: /\b(chandeliers?|ballroom|banquet|opulent)/,
  candles: /\b(candle\w*|vigil|lamplit)/,
  throne: /\b(throne\w*|coronation)/,
  chapel: /\b(chapel|cathedral|church|abbey|monastery|temple|nave|stained glass|sanctuary)/,
  banquet: /\b(banquet|feast|dining)/,
  lake: /\b(lakes?|loch|fjord|tarn|pond|river|reflect\w*)/,
  boat: /\b(boats?|ships?|sail\w*|canoe|galleon|vessel)/,
  lighthouse: /\blighthouse/,
  palms: /\b(palms?|tropical|oasis|island)/,
  fireflies: /\b(firefl\w+|fairy|faer\w+|enchanted|magic\w*|sprites?|glowing)/,
  blossom: /\b(blossom\w*|cherry|sakura|spring|petals?|orchard)/,
  autumn: /\b(autumn\w*|fall leaves|maple|october|harvest)/,
  pagoda: /\b(tea ?house|pagoda|japan\w*|zen|shrine|torii)/,
  lanterns: /\b(lanterns?|festival)/,
  fountain: /\bfountains?/,
  cat: /\b(cats?|kitten)/,
  mug: /\b(coffee|caf[eé]|tea|cocoa|mug|espresso)/,
  books: /\b(books?|study\w*|homework|notes|reading|scrolls?)/,
  window: /\b(windows?|windowsill|bedroom|desk|study|apartment|loft|caf[eé])/,
  cabin: /\b(cabin|cottage|hut|lodge|chalet|campfire|tent)/,
  camels: /\b(camels?|caravan)/,
  pyramids: /\b(pyramids?|egypt\w*|sphinx)/,
  crimson: /\b(crimson|scarlet|burgundy|red carpet|red velvet)/,
  greens: /\b(emerald|green velvet|green silk)/,
  stream: /\b(streams?|brook|creek|waterfall)/,
} as const;
/** A thing the prompt asks for; each scene takes those it knows. */
export type Feature = keyof typeof featureWords;

export interface SceneBrief {
  family: Family;
  time: Time;
  tint: Tint;
  weather: Weather;
  features: ReadonlySet<Feature>;
  /** Of prompt and seed together: everything else about the picture comes from it. */
  seed: number;
}

/** Which words speak for a place, and how strongly; the earliest of equals wins. */
const placeWords: readonly (readonly [Family, number, RegExp])[] = [
  [
    'hall',
    4,
    /\b(ballroom|throne room|great hall|banquet|cathedral|chapel|abbey|nave|palace hall|opera|gallery|foyer)/g,
  ],
  ['hall', 3, /\b(halls?|temple|monastery|church|palace|court\b|waltz|masquerade|chandeliers?)/g],
  ['library', 5, /\b(librar\w+|archives?|bookshop|bookstore|scriptorium|wizard'?s study)/g],
  ['hearth', 4, /\b(hearth|fireplace|tavern|fireside|inn\b|alehouse|pub\b|log cabin interior|blacksmith|forge)/g],
  ['city', 4, /\b(city|skyline|downtown|metropolis|skyscrapers?|neon|tokyo|street|rooftop|apartment|cyberpunk|urban)/g],
  ['city', 3, /\b(rainy window|window\w*|bedroom|desk|caf[eé]|coffee shop|lo-?fi|jazz club|bar\b)/g],
  [
    'cosmos',
    5,
    /\b(space station|spaceship|starship|nebula\w*|galax\w+|cosmos|cosmic|outer space|planets?|saturn|orbit\w*|interstellar|asteroids?|void)/g,
  ],
  ['cosmos', 3, /\b(space|alien|sci-?fi)/g],
  [
    'nightsky',
    4,
    /\b(starry|stars|aurora|northern lights|milky way|constellations?|night sky|stargaz\w+|meteors?|observatory)/g,
  ],
  ['village', 4, /\b(villages?|hamlet|town\b|christmas|cottages?|market|alpine village|rooftops|bakery)/g],
  [
    'ocean',
    4,
    /\b(ocean\w*|seas?\b|seaside|beach\w*|coast\w*|shore\w*|waves?|lighthouse|island|lagoon|harbou?r|surf|tides?|cliffs?)/g,
  ],
  ['desert', 4, /\b(deserts?|dunes?|sahara|oasis|pyramids?|caravan|canyon|mesa|badlands)/g],
  ['forest', 4, /\b(forests?|woods?\b|woodland|grove|jungle|rainforest|redwoods?|birch\w*|thicket|glade|trees\b)/g],
  [
    'garden',
    4,
    /\b(gardens?|meadows?|orchard|courtyard|tea ?house|pagoda|pergola|gazebo|flowers?|blossom\w*|sakura|lavender|vineyard|park\b|terrace|fields?)/g,
  ],
  [
    'mountains',
    4,
    /\b(mountains?|peaks?|alps?|alpine|summit|ridges?|valleys?|lakes?|fjord|highlands?|glacier|hills?|volcano)/g,
  ],
  ['mountains', 3, /\b(castles?|fortress|citadel|kingdom|dragons?|battle\w*|quest|waterfall|river|landscape|horizon)/g],
];

const timeWords: readonly (readonly [Time, RegExp])[] = [
  ['golden', /\b(golden hour|sunset|late afternoon|autumn afternoon|setting sun)/],
  ['dawn', /\b(dawn|sunrise|morning|daybreak|first light|early light)/],
  ['dusk', /\b(dusk|twilight|evening|blue hour|gloaming|nightfall|sundown)/],
  ['night', /\b(night\w*|midnight|moon\w*|starr?\w*|aurora|nocturn\w*|after dark|candle\w*)/],
  ['day', /\b(day|daylight|noon|midday|sunny|bright|afternoon|blue sky|sunlit|sunlight)/],
];

const tintWords: readonly (readonly [Tint, RegExp])[] = [
  ['golden', /\b(gold\w*|gilded|amber|honey\w*|brass|bronze)/],
  ['warm', /\b(warm\w*|cosy|cozy|fire(?!fl)\w*|orange|sepia|rustic|copper|hearth|toasty)/],
  [
    'cold',
    /\b(cold|cool|icy|ice|frost\w*|frozen|winter\w*|blue|silver\w*|steel|moonlit|snow\w*|glacial|chill\w*|teal)/,
  ],
  ['emerald', /\b(emerald|green|verdant|lush|jade|moss\w*|jungle)/],
  ['pastel', /\b(pastel|soft pink|dreamy|dreamlike|delicate|airy|gentle light|watercolou?r)/],
  ['violet', /\b(violet|purple|lavender|indigo|mystic\w*|neon|synthwave|amethyst|arcane)/],
  ['rose', /\b(rose\w*|pink|crimson|scarlet|red\b|ruby|romantic|burgundy|cherry|sakura)/],
  // Implied rather than said, so they come last.
  ['warm', /\b(candle\w*|autumn\w*|lamplight|lamplit|lanterns?)/],
];

const weatherWords: readonly (readonly [Weather, RegExp])[] = [
  ['storm', /\b(storm\w*|thunder\w*|tempest|lightning)/],
  ['rain', /\b(rain\w*|drizzle|downpour|showers?)/],
  ['snow', /\b(snow\w*|blizzard|winter\w*|christmas|frost\w*|frozen)/],
  ['mist', /\b(mist\w*|fog\w*|haz[ey]\w*|mysterious|ethereal|smok\w+|haunted|eerie)/],
];

/** The light a place usually wears when the prompt does not say; repeated entries are likelier. */
const usualTimes: Record<Family, readonly Time[]> = {
  mountains: ['dawn', 'golden', 'dusk', 'day', 'dawn'],
  ocean: ['golden', 'dusk', 'dawn', 'day', 'night'],
  forest: ['dawn', 'golden', 'day', 'dusk'],
  city: ['night', 'dusk', 'night'],
  hall: ['dusk', 'night', 'golden', 'dusk'],
  library: ['night', 'golden', 'dusk'],
  hearth: ['night', 'dusk', 'night'],
  nightsky: ['night'],
  cosmos: ['night'],
  village: ['dusk', 'night', 'dusk'],
  desert: ['golden', 'dusk', 'dawn', 'night'],
  garden: ['golden', 'day', 'dusk', 'dawn'],
};

const usualTints: Record<Family, readonly Tint[]> = {
  mountains: ['neutral', 'rose', 'violet', 'cold', 'golden', 'pastel'],
  ocean: ['neutral', 'golden', 'rose', 'cold', 'violet'],
  forest: ['emerald', 'golden', 'emerald', 'cold'],
  city: ['violet', 'cold', 'neutral', 'rose'],
  hall: ['golden', 'warm', 'rose', 'emerald'],
  library: ['warm', 'golden', 'emerald'],
  hearth: ['warm', 'golden'],
  nightsky: ['cold', 'violet', 'neutral', 'emerald'],
  cosmos: ['violet', 'cold', 'rose', 'emerald', 'golden'],
  village: ['cold', 'neutral', 'violet'],
  desert: ['warm', 'golden', 'rose', 'violet'],
  garden: ['neutral', 'pastel', 'golden', 'rose'],
};

/** Read `prompt`; the same prompt and seed always give the same brief. */
export function readPrompt(prompt: string, seed: number): SceneBrief {
  const text = prompt.toLowerCase();
  const mixed = hashText(`${seed}\n${text}`);
  const rng = makeRng(mixed).fork('brief');
  const features = new Set<Feature>();
  for (const [name, pattern] of Object.entries(featureWords)) {
    if (pattern.test(text)) features.add(name as Feature);
  }
  const family = placeOf(text) ?? rng.pick(['mountains', 'ocean', 'forest', 'garden', 'nightsky'] as const);
  const weather = weatherWords.find(([, words]) => words.test(text))?.[0] ?? 'clear';
  const saidTime = timeWords.find(([, words]) => words.test(text))?.[0];
  const time = family === 'nightsky' || family === 'cosmos' ? 'night' : (saidTime ?? rng.pick(usualTimes[family]));
  const saidTint = tintWords.find(([, words]) => words.test(text))?.[0];
  // A low sun is warm: without a word for it, no cold or green picture of a sunset.
  const lowSun = time === 'golden' || time === 'dawn';
  const tints = usualTints[family].filter(
    (tint) => !lowSun || family === 'forest' || (tint !== 'cold' && tint !== 'emerald'),
  );
  return { family, time, tint: saidTint ?? rng.pick(tints), weather, features, seed: mixed };
}

function placeOf(text: string): Family | undefined {
  const scores = new Map<Family, number>();
  for (const [family, weight, words] of placeWords) {
    for (const match of text.matchAll(words)) {
      // What is named first is the subject; what follows is usually its setting.
      const early = 1 - match.index / (text.length + 1);
      scores.set(family, (scores.get(family) ?? 0) + weight + early * 2.5);
    }
  }
  let best: Family | undefined;
  let most = 0;
  for (const [family, score] of scores) {
    if (score > most) {
      best = family;
      most = score;
    }
  }
  return best;
}
