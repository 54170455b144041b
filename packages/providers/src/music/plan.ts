/**
 * From what the prompt says to one decided plan: tempo, metre, key, who plays which role, how the room sounds. The
 * prompt's words win; where they are silent the style proposes and the seed picks. No note is decided here.
 */
import type { Brief, InstrumentName, Metre, Style } from './prompt.ts';
import type { Random } from './random.ts';
import type { ModeName } from './theory.ts';

export interface Ensemble {
  /** Who sings the themes; the second takes the contrasting ones. */
  leads: readonly [InstrumentName, InstrumentName];
  /** Who plays patterns under them. */
  comp: InstrumentName | null;
  pad: InstrumentName | null;
  bass: InstrumentName | 'sub' | null;
  drone: boolean;
  /** High, rare notes at the ends of phrases. */
  sparkle: InstrumentName | null;
  percussion: 'none' | 'light' | 'full' | 'lofi' | 'brushes';
}

export interface Plan {
  tempo: number;
  metre: Metre;
  /** Beats in a bar as the tempo counts them (6/8 is counted in two). */
  beatsPerBar: number;
  /** The smallest regular pulse: this many to a beat. */
  pulse: 2 | 3;
  tonic: number;
  mode: ModeName;
  style: Style | null;
  energy: number;
  light: number;
  /** How rich the chords are. */
  colour: 'plain' | 'seventh' | 'ninth';
  /** How late the off-beat comes, in beats. */
  swing: number;
  ensemble: Ensemble;
  room: { seconds: number; amount: number; ceilingHz: number };
}

interface Taste {
  leads: readonly InstrumentName[];
  comps: readonly InstrumentName[];
  pads: readonly InstrumentName[];
  bass: InstrumentName | 'sub' | null;
  percussion: Ensemble['percussion'];
  tempo: readonly [number, number];
  metres: readonly Metre[];
  colours: readonly Plan['colour'][];
  modes: readonly ModeName[] | null;
  room: Plan['room'];
}

const HALL = { seconds: 2.3, amount: 0.24, ceilingHz: 9500 };
const CATHEDRAL = { seconds: 3.6, amount: 0.36, ceilingHz: 8000 };
const PARLOUR = { seconds: 1.3, amount: 0.17, ceilingHz: 9500 };

const OPEN_TASTE: Taste = {
  leads: ['piano', 'flute', 'violin', 'felt', 'guitar', 'clarinet', 'vibraphone'],
  comps: ['piano', 'harp', 'guitar', 'felt', 'kalimba'],
  pads: ['strings', 'pad', 'choir'],
  bass: 'cello',
  percussion: 'none',
  tempo: [66, 100],
  metres: ['4/4', '4/4', '4/4', '3/4', '6/8'],
  colours: ['plain', 'seventh', 'ninth'],
  modes: null,
  room: HALL,
};

const WALTZ: Taste = {
  ...OPEN_TASTE,
  leads: ['violin', 'flute', 'clarinet', 'piano'],
  comps: ['piano', 'harp'],
  pads: ['strings'],
  tempo: [96, 138],
  metres: ['3/4'],
  colours: ['plain', 'seventh'],
};

const TASTES: Readonly<Record<Style, Taste>> = {
  waltz: WALTZ,
  classical: {
    ...WALTZ,
    comps: ['piano', 'harpsichord', 'harp'],
    tempo: [72, 116],
    metres: ['4/4', '3/4'],
    colours: ['plain'],
  },
  lofi: {
    leads: ['epiano', 'vibraphone', 'guitar', 'felt'],
    comps: ['epiano', 'guitar', 'felt'],
    pads: ['pad'],
    bass: 'sub',
    percussion: 'lofi',
    tempo: [70, 86],
    metres: ['4/4'],
    colours: ['seventh', 'ninth'],
    modes: ['dorian', 'minor', 'major', 'major'],
    room: { seconds: 1.2, amount: 0.15, ceilingHz: 4800 },
  },
  jazz: {
    ...OPEN_TASTE,
    leads: ['piano', 'vibraphone', 'clarinet', 'guitar'],
    comps: ['epiano', 'guitar', 'piano'],
    bass: 'bass',
    percussion: 'brushes',
    tempo: [84, 126],
    metres: ['4/4', '4/4', '3/4'],
    colours: ['seventh', 'ninth'],
    modes: ['major', 'dorian', 'minor'],
    room: PARLOUR,
  },
  lullaby: {
    ...OPEN_TASTE,
    leads: ['musicbox', 'flute', 'felt'],
    comps: ['harp', 'felt', 'kalimba'],
    tempo: [58, 76],
    metres: ['3/4', '6/8', '4/4'],
    colours: ['plain', 'ninth'],
    modes: ['major', 'pentatonic', 'lydian'],
    room: { ...HALL, ceilingHz: 7500 },
  },
  medieval: {
    ...OPEN_TASTE,
    leads: ['flute', 'lute', 'violin'],
    comps: ['lute', 'harp'],
    pads: ['organ', 'strings', 'choir'],
    percussion: 'light',
    tempo: [76, 112],
    metres: ['3/4', '6/8', '4/4'],
    colours: ['plain'],
    modes: ['dorian', 'mixolydian', 'minor', 'dorian'],
  },
  epic: {
    ...OPEN_TASTE,
    leads: ['horn', 'violin', 'choir'],
    comps: ['piano', 'harp'],
    pads: ['strings', 'choir'],
    percussion: 'full',
    tempo: [76, 104],
    metres: ['4/4', '4/4', '6/8'],
    colours: ['plain', 'ninth'],
    modes: ['minor', 'minor', 'dorian', 'major'],
    room: CATHEDRAL,
  },
  folk: {
    ...OPEN_TASTE,
    leads: ['flute', 'violin', 'guitar'],
    comps: ['guitar', 'harp', 'lute'],
    pads: ['strings', 'organ'],
    bass: 'bass',
    tempo: [80, 116],
    metres: ['4/4', '3/4', '6/8'],
    colours: ['plain'],
    modes: ['major', 'dorian', 'mixolydian', 'pentatonic'],
    room: PARLOUR,
  },
  ambient: {
    ...OPEN_TASTE,
    leads: ['felt', 'flute', 'bells', 'violin'],
    comps: ['harp', 'felt', 'kalimba'],
    pads: ['pad', 'choir', 'strings'],
    tempo: [52, 68],
    metres: ['4/4', '4/4', '6/8'],
    colours: ['ninth', 'seventh'],
    modes: ['lydian', 'major', 'dorian', 'pentatonic', 'minor'],
    room: CATHEDRAL,
  },
};

const CAN_LEAD: ReadonlySet<InstrumentName> = new Set<InstrumentName>([
  'flute',
  'violin',
  'clarinet',
  'cello',
  'horn',
  'musicbox',
  'piano',
  'felt',
  'vibraphone',
  'epiano',
  'lute',
  'guitar',
  'harp',
  'kalimba',
  'choir',
  'bells',
  'harpsichord',
]);
const CAN_COMP: ReadonlySet<InstrumentName> = new Set<InstrumentName>([
  'piano',
  'felt',
  'epiano',
  'harp',
  'guitar',
  'lute',
  'harpsichord',
  'kalimba',
  'vibraphone',
  'musicbox',
]);
const CAN_PAD: ReadonlySet<InstrumentName> = new Set<InstrumentName>(['strings', 'choir', 'organ', 'pad']);
/** Left hand or low strings: alone, these carry their own bass. */
const HAS_BASS: ReadonlySet<InstrumentName> = new Set<InstrumentName>([
  'piano',
  'felt',
  'epiano',
  'harp',
  'guitar',
  'lute',
  'harpsichord',
]);

/** Decide everything the notes will need to know. Same brief and same `random`, same plan. */
export function makePlan(brief: Brief, random: Random): Plan {
  const taste = brief.style === null ? OPEN_TASTE : TASTES[brief.style];
  const metre = brief.metre ?? random.fork('metre').pick(taste.metres);
  const mode = brief.mode ?? pickMode(brief, taste, random.fork('mode'));
  const [slow, fast] = taste.tempo;
  const middle = (slow + fast) / 2 + brief.energy * (fast - slow) * 0.6;
  // A whole number, and never so slow or fast that it stops being a background.
  const tempo =
    brief.tempo ?? Math.round(Math.min(150, Math.max(48, middle + random.fork('tempo').lean() * (fast - slow) * 0.3)));
  const room = { ...taste.room };
  if (brief.light < -0.3) room.ceilingHz = Math.min(room.ceilingHz, 7000);
  if (brief.energy < -0.4) room.amount = Math.min(0.4, room.amount * 1.2);
  return {
    tempo,
    metre,
    beatsPerBar: metre === '3/4' ? 3 : metre === '6/8' ? 2 : 4,
    pulse: metre === '6/8' ? 3 : 2,
    tonic: brief.tonic ?? random.fork('tonic').int(12),
    mode,
    style: brief.style,
    energy: brief.energy,
    light: brief.light,
    colour: random.fork('colour').pick(taste.colours),
    swing: brief.style === 'lofi' ? 0.1 : brief.style === 'jazz' ? 0.13 : 0,
    ensemble: seat(brief, taste, random.fork('ensemble')),
    room,
  };
}

function pickMode(brief: Brief, taste: Taste, random: Random): ModeName {
  if (brief.light <= -0.5) return random.pick<ModeName>(['minor', 'minor', 'dorian', 'phrygian']);
  if (brief.light <= -0.25) return random.pick<ModeName>(['minor', 'dorian']);
  if (taste.modes) return random.pick(taste.modes);
  if (brief.light >= 0.4) return random.pick<ModeName>(['major', 'major', 'lydian', 'mixolydian']);
  if (brief.light > 0) return random.pick<ModeName>(['major', 'major', 'major', 'lydian']);
  return random.pick<ModeName>(['major', 'major', 'minor', 'dorian', 'mixolydian']);
}

/** Give the named instruments their roles, then fill the empty chairs by taste (not in a solo). */
function seat(brief: Brief, taste: Taste, random: Random): Ensemble {
  const named = brief.instruments;
  const comps = named.filter((name) => CAN_COMP.has(name));
  const pads = named.filter((name) => CAN_PAD.has(name));
  if (brief.solo && named.length > 0) {
    const first = named[0] as InstrumentName;
    const lead = CAN_LEAD.has(first) ? first : first === 'strings' ? 'violin' : first;
    return {
      leads: [lead, lead],
      comp: comps[0] ?? null,
      pad: pads[0] ?? null,
      bass: HAS_BASS.has(lead) ? lead : null,
      drone: named.includes('drone'),
      sparkle: null,
      percussion: brief.percussion === 'full' || brief.percussion === 'light' ? brief.percussion : 'none',
    };
  }
  const comp = comps[0] ?? random.pick(taste.comps);
  const singers = named.filter(
    (name) => CAN_LEAD.has(name) && name !== comp && !(CAN_PAD.has(name) && pads.length === 1),
  );
  if (named.includes('strings') && !singers.includes('violin')) singers.push('violin');
  // Somebody who can strike and sing takes turns with the others; the choir sings themes only when nobody else can.
  if (CAN_LEAD.has(comp) && comps.length > 0) singers.push(comp);
  while (singers.length < 2) {
    const spare = taste.leads.filter((name) => !singers.includes(name));
    singers.push(
      random.pick(spare.length > 0 && named.length === 0 ? spare : singers.length > 0 ? singers : taste.leads),
    );
  }
  const bright = ['bells', 'musicbox', 'harp', 'vibraphone', 'kalimba'] as const;
  const namedSparkle = bright.find((name) => named.includes(name) && name !== singers[0]);
  return {
    leads: [singers[0] as InstrumentName, singers[1] as InstrumentName],
    comp,
    pad: pads[0] ?? (brief.style === 'jazz' ? null : random.pick(taste.pads)),
    bass: named.includes('bass')
      ? brief.style === 'lofi'
        ? 'sub'
        : 'bass'
      : named.includes('cello')
        ? 'cello'
        : taste.bass,
    drone: named.includes('drone'),
    sparkle: namedSparkle ?? (random.chance(0.5) ? random.pick(bright.filter((name) => name !== comp)) : null),
    percussion: seatPercussion(brief, taste),
  };
}

function seatPercussion(brief: Brief, taste: Taste): Ensemble['percussion'] {
  if (brief.percussion === 'none') return 'none';
  if (brief.percussion === null) return brief.energy < -0.5 ? 'none' : taste.percussion;
  if (brief.style === 'lofi') return 'lofi';
  if (brief.style === 'jazz') return 'brushes';
  return brief.percussion;
}
