/**
 * The vocabulary of the built-in language provider: what a niche sounds and looks like. A theme owns a dozen scenes
 * (a title, what the eye sees), the ensembles and the light that go with them. Pictures use words the built-in painter
 * knows, music words the built-in synthesiser knows; both are plain English to any other provider.
 */

/** A place with its name. `form` is what is played there, when it matters. */
export interface ThemeScene {
  title: string;
  picture: string;
  indoors?: boolean;
  form?: Form;
}

export type Form =
  | 'waltz'
  | 'lullaby'
  | 'theme'
  | 'ballad'
  | 'dance'
  | 'hymn'
  | 'drift'
  | 'beat'
  | 'nocturne'
  | 'march';

export interface Theme {
  name: string;
  /** Words of a niche that call for it. */
  words: RegExp;
  scenes: readonly ThemeScene[];
  /** Each a set of instruments that sound well together. */
  ensembles: readonly (readonly string[])[];
  forms: readonly Form[];
  /** Beats per minute. */
  tempo: readonly [number, number];
  keys: readonly string[];
  /** Colours and light for the picture. */
  accents: readonly string[];
  lights: readonly string[];
  /** Used when the order names no moods. */
  moods: readonly string[];
}

const bright = ['C major', 'D major', 'F major', 'G major', 'A major', 'B flat major'];
const soft = ['C major', 'F major', 'A minor', 'D minor', 'E minor', 'G major'];
const dark = ['D minor', 'E minor', 'C minor', 'G minor', 'B minor', 'A minor'];

const inside = (title: string, picture: string, form?: Form): ThemeScene =>
  form ? { title, picture, indoors: true, form } : { title, picture, indoors: true };
const outside = (title: string, picture: string, form?: Form): ThemeScene =>
  form ? { title, picture, form } : { title, picture };

export const themes: readonly Theme[] = [
  {
    name: 'royal court',
    words:
      /\b(royal\w*|court|queens?|kings?|palaces?|baroque|regency|victorian|ballroom|aristocra\w+|noble|princess|academia|classical|renaissance)\b/,
    scenes: [
      inside('The Grand Ballroom', 'a grand ballroom with chandeliers', 'waltz'),
      outside("The Queen's Garden", 'a royal garden with a marble fountain and roses', 'dance'),
      inside('Before the Throne', 'a throne room with a red carpet and tall windows', 'march'),
      inside('The Royal Library', 'a royal library with tall shelves and a green lamp'),
      outside('Swans on the Palace Lake', 'a palace lake with mountains and a small boat'),
      inside('A Banquet for the Ambassador', 'a banquet hall with a long table and candles', 'dance'),
      inside('The Masquerade', 'a palace hall prepared for a masquerade, chandeliers', 'waltz'),
      outside('The Castle on the Hill', 'a castle above misty mountains', 'theme'),
      inside('Evensong in the Royal Chapel', 'a royal chapel with stained glass and candles', 'hymn'),
      outside('The Rose Pavilion', 'a palace garden pavilion among flowers'),
      inside('Letters by the Fire', 'a royal study with a fireplace and an armchair', 'nocturne'),
      outside('The Hunting Forest', 'the royal forest with a path among old oaks', 'dance'),
      outside('Lanterns for the Princess', 'a palace garden with lanterns and blossom trees', 'waltz'),
      outside('The City Below the Castle', 'a medieval town with a castle, lit windows', 'ballad'),
    ],
    ensembles: [
      ['strings', 'piano', 'light percussion'],
      ['strings', 'harp', 'flute'],
      ['harp', 'flute', 'soft bass'],
      ['strings', 'choir', 'organ'],
      ['piano', 'strings', 'bells'],
      ['lute', 'flute', 'light percussion'],
      ['harp', 'strings', 'music box'],
    ],
    forms: ['waltz', 'theme', 'dance', 'nocturne'],
    tempo: [84, 126],
    keys: bright,
    accents: [
      'golden accents',
      'gilded details',
      'crimson velvet',
      'ivory and gold tones',
      'emerald silk',
      'rose tones',
    ],
    lights: ['warm lighting', 'soft golden light', 'warm candlelight'],
    moods: ['elegant', 'graceful', 'stately'],
  },
  {
    name: 'medieval tavern',
    words:
      /\b(medieval|tavern\w*|inn|bards?|fantasy|d&d|dnd|rpg|dungeons?|knights?|dragons?|elven|elves|hobbit|viking\w*|celtic|minstrel|adventur\w+|quest)\b/,
    scenes: [
      inside('The Sleeping Dragon Inn', 'a tavern hearth with candles and mugs', 'dance'),
      outside('The Road to the Keep', 'a castle above a mountain valley', 'march'),
      outside('Elves Among the Oaks', 'an enchanted forest with fireflies', 'ballad'),
      inside("The Wizard's Study", "a wizard's study, an old library with a globe and candles", 'nocturne'),
      outside('Market Day in Oakham', 'a medieval village with a church and lanterns', 'dance'),
      inside('The Hall of Heroes', 'a great hall with a banquet table and candles', 'march'),
      outside('A Campfire Below the Stars', 'a tent below the starry night sky', 'ballad'),
      outside('The Dragon Flies North', 'misty mountains and a lonely castle', 'theme'),
      inside('The Monks of Saint Aldhelm', 'an abbey chapel with stained glass and candles', 'hymn'),
      outside('The Ship to the Isles', 'a sailing ship on the open sea', 'dance'),
      outside('The Stone Bridge', 'a forest stream in the mist'),
      inside('One More Round', 'a tavern fireplace, tankards on a round table', 'dance'),
    ],
    ensembles: [
      ['lute', 'flute', 'light percussion'],
      ['lute', 'harp', 'drone'],
      ['flute', 'guitar', 'soft bass', 'light percussion'],
      ['harp', 'strings', 'choir'],
      ['lute', 'strings', 'light percussion'],
      ['choir', 'drone', 'bells'],
    ],
    forms: ['dance', 'ballad', 'theme'],
    tempo: [76, 124],
    keys: ['D dorian', 'A minor', 'E minor', 'G mixolydian', 'D minor', 'G major'],
    accents: ['weathered wood', 'amber glow', 'old stone', 'banners in the wind'],
    lights: ['warm firelight', 'soft evening light', 'warm candlelight'],
    moods: ['adventurous', 'warm', 'nostalgic'],
  },
  {
    name: 'lo-fi study',
    words:
      /\b(lo-?fi|study\w*|homework|chill\w*|beats?|focus\w*|work\w*|coding|productiv\w*|hip ?hop|vapor\w*|synthwave|city pop)\b/,
    scenes: [
      inside('Rain on the Seventh Floor', 'a rainy city window at night with a desk lamp', 'beat'),
      inside('Cat on the Windowsill', 'a bedroom window over the city with a cat and books', 'beat'),
      outside('Last Train Home', 'a city skyline across the river', 'beat'),
      inside('Second Cup', 'a café window with a mug of coffee, rain outside', 'beat'),
      inside('Margin Notes', 'a study desk by the window with books and a plant', 'beat'),
      outside('Rooftop Season', 'a rooftop terrace over the city skyline', 'beat'),
      inside('The Quiet Floor', 'a university library with green lamps', 'beat'),
      outside('Petals on the Pond', 'a japanese garden with a pagoda and cherry blossoms', 'beat'),
      outside('Bicycle by the Sea', 'a beach at the coast with palms', 'beat'),
      inside('Snow Day', 'an apartment window over the snowy city with a mug', 'beat'),
      outside('Neon Puddles', 'a neon city street skyline in the rain', 'beat'),
      outside('Weekend in the Valley', 'a mountain lake with a cabin', 'beat'),
    ],
    ensembles: [
      ['piano', 'soft bass', 'light percussion'],
      ['guitar', 'pads', 'soft bass', 'light percussion'],
      ['piano', 'pads', 'light percussion'],
      ['music box', 'soft bass', 'light percussion'],
      ['guitar', 'piano', 'soft bass', 'light percussion'],
      ['harp', 'pads', 'soft bass', 'light percussion'],
    ],
    forms: ['beat'],
    tempo: [70, 88],
    keys: ['C major', 'F major', 'A minor', 'D minor', 'E flat major', 'G minor'],
    accents: ['string lights', 'purple and teal tones', 'cozy details', 'muted colours'],
    lights: ['warm lamp light', 'soft neon glow', 'dim evening light'],
    moods: ['mellow', 'cozy', 'relaxed'],
  },
  {
    name: 'sleep',
    words: /\b(sleep\w*|lullab\w+|bedtime|insomnia|dreams?|dreamy|baby|nap|night ?time|ambient|drone|relax\w*)\b/,
    scenes: [
      outside('Moon Over Still Water', 'a moonlit mountain lake', 'drift'),
      outside('A Blanket of Stars', 'the starry night sky over dark hills', 'drift'),
      inside('Embers', 'a fireplace in a quiet room with an armchair', 'lullaby'),
      outside('The Tide Goes Out', 'a calm moonlit ocean', 'drift'),
      outside('Snowfall After Midnight', 'a snowy village at night', 'lullaby'),
      outside('The Forest Breathes', 'a misty forest at night with fireflies', 'drift'),
      inside('Rain Against the Glass', 'a rainy window at night with a small lamp', 'drift'),
      outside('Northern Lullaby', 'the aurora over a snowy lake', 'lullaby'),
      outside('Among the Clouds of Orion', 'a soft violet nebula with a quiet planet', 'drift'),
      outside('The Sleeping Desert', 'desert dunes under the moon', 'drift'),
      outside('Lanterns on the Pond', 'a night garden with lanterns and a pond', 'lullaby'),
      outside('Far Lighthouse', 'a lighthouse above the sea at night', 'drift'),
    ],
    ensembles: [
      ['pads', 'piano'],
      ['harp', 'pads', 'drone'],
      ['music box', 'pads'],
      ['choir', 'pads', 'drone'],
      ['strings', 'pads', 'bells'],
      ['guitar', 'pads'],
    ],
    forms: ['drift', 'lullaby'],
    tempo: [48, 64],
    keys: soft,
    accents: ['deep blue tones', 'soft pastel tones', 'silver light', 'muted violet'],
    lights: ['dim moonlight', 'soft night light', 'faint warm glow'],
    moods: ['dreamy', 'serene', 'gentle'],
  },
  {
    name: 'jazz café',
    words: /\b(jazz\w*|caf[eé]s?|coffee\w*|bossa|swing|lounge|bistro|bakery|restaurant|blues|piano bar|cocktail)\b/,
    scenes: [
      inside('Corner Table', 'a café window with coffee and books, evening', 'ballad'),
      inside('Espresso in the Rain', 'a café window in the rain with a mug', 'ballad'),
      outside('Avenue of Lights', 'a city skyline with lit windows by the river', 'ballad'),
      inside('The Blue Room', 'a lounge window over the city at night', 'nocturne'),
      inside('Vinyl and Velvet', 'a cozy room with a fireplace and candles', 'waltz'),
      outside('Bossa by the Sea', 'a tropical beach with palms', 'dance'),
      outside('Rooftop at Nine', 'a rooftop terrace above the city', 'ballad'),
      inside('Bookshop Quartet', 'a bookshop library with warm lamps', 'waltz'),
      outside('Sunday in the Park', 'a park with blossom trees and a fountain', 'waltz'),
      inside('Snow Outside, Cocoa Inside', 'a café window over a snowy city with a mug of cocoa', 'ballad'),
      outside('The Harbour Steps', 'a harbour with a lighthouse', 'dance'),
      outside('Old Town Serenade', 'an old town with lanterns and church', 'waltz'),
    ],
    ensembles: [
      ['piano', 'soft bass', 'light percussion'],
      ['guitar', 'soft bass', 'light percussion'],
      ['piano', 'guitar', 'soft bass'],
      ['flute', 'piano', 'soft bass', 'light percussion'],
      ['piano', 'strings', 'soft bass'],
    ],
    forms: ['ballad', 'dance', 'waltz'],
    tempo: [82, 124],
    keys: ['F major', 'B flat major', 'E flat major', 'C major', 'D minor', 'G minor'],
    accents: ['amber tones', 'brass details', 'rain on glass', 'deep red velvet'],
    lights: ['warm lamp light', 'soft evening light', 'golden window light'],
    moods: ['smooth', 'cozy', 'warm'],
  },
  {
    name: 'ocean',
    words:
      /\b(ocean\w*|seas?|beach\w*|waves?|coast\w*|island\w*|tropical|marine|pirates?|sail\w*|harbou?r|surf\w*|summer)\b/,
    scenes: [
      outside('Golden Tide', 'the ocean with long golden waves', 'drift'),
      outside('Keeper of the Light', 'a lighthouse on the cliffs above the sea', 'ballad'),
      outside('The Long Voyage', 'a sailing ship on the open sea', 'theme'),
      outside('Palms in the Wind', 'a tropical beach with palms'),
      outside('Moon Road', 'a moonlit sea', 'drift'),
      outside('After the Storm', 'a stormy ocean with breaking light', 'theme'),
      outside('Footprints in the Sand', 'a quiet beach and gentle waves', 'ballad'),
      outside('The Pink Lagoon', 'an island lagoon, soft pink sky'),
      outside('Headlands', 'sea cliffs and distant headlands', 'theme'),
      outside('The Fishing Village', 'a fishing village with lanterns by the sea', 'waltz'),
      outside('Stars for Sailors', 'the starry night sky above a quiet bay', 'nocturne'),
      inside("The Captain's Fire", 'a tavern fireplace by the harbour', 'dance'),
      outside('Northern Sea', 'the cold northern sea under the aurora', 'drift'),
      outside('The Morning Ferry', 'the sea in the mist, a boat far out'),
    ],
    ensembles: [
      ['pads', 'harp', 'strings'],
      ['guitar', 'pads', 'light percussion'],
      ['flute', 'harp', 'pads'],
      ['piano', 'strings', 'soft bass'],
      ['bells', 'pads', 'choir'],
    ],
    forms: ['drift', 'ballad', 'theme'],
    tempo: [58, 92],
    keys: bright,
    accents: ['turquoise water', 'silver reflections', 'coral clouds', 'sea mist'],
    lights: ['soft light', 'glittering light', 'warm low light'],
    moods: ['calm', 'wide', 'peaceful'],
  },
  {
    name: 'winter',
    words: /\b(winter\w*|christmas|snow\w*|xmas|holiday\w*|yule|advent|frost\w*|ice|nordic|arctic)\b/,
    scenes: [
      outside('First Snow on Bell Street', 'a snowy christmas village', 'waltz'),
      inside('Stockings by the Fire', 'a log cabin fireplace, snow outside the window', 'lullaby'),
      outside('The Frozen Lake', 'a frozen mountain lake in winter snow', 'drift'),
      outside('Silent Pines', 'a snowy forest path', 'ballad'),
      outside('Lights of the North', 'the aurora over snowy hills', 'drift'),
      inside('Carols in the Chapel', 'a chapel with candles and stained glass, winter evening', 'hymn'),
      outside('Sleigh Bells Over the Pass', 'snowy mountains with a cabin', 'dance'),
      inside('Snow on the Windowsill', 'a window over the snowy city with a mug and a cat', 'ballad'),
      outside('The Winter Castle', 'a castle in snowy mountains', 'theme'),
      outside('Midnight Market', 'a snowy town with a church and lanterns', 'waltz'),
      inside('The Ice Ballroom', 'a silver ballroom with chandeliers, cold blue light', 'waltz'),
      outside('Under the Winter Stars', 'the starry night sky over snow', 'nocturne'),
    ],
    ensembles: [
      ['bells', 'strings', 'harp'],
      ['music box', 'strings'],
      ['choir', 'bells', 'organ'],
      ['piano', 'bells', 'soft bass'],
      ['guitar', 'bells', 'light percussion'],
      ['harp', 'flute', 'bells'],
    ],
    forms: ['waltz', 'ballad', 'lullaby'],
    tempo: [66, 104],
    keys: ['C major', 'G major', 'D major', 'F major', 'E minor', 'A minor'],
    accents: ['snow falling', 'frosted details', 'silver and blue tones'],
    lights: ['warm window light', 'cold winter light', 'soft lantern light'],
    moods: ['magical', 'gentle', 'nostalgic'],
  },
  {
    name: 'space',
    words:
      /\b(spaces?|sci-?fi|cosmic|cosmos|galax\w+|stars?|starship|universe|interstellar|nebula\w*|planet\w*|astronaut|cyberpunk|futur\w+|synth\w*)\b/,
    scenes: [
      outside('Rings of a Quiet Giant', 'a ringed planet before a violet nebula', 'drift'),
      inside('Observation Deck', 'a space station observation deck above a planet', 'drift'),
      outside('The Pillars', 'a golden nebula with bright stars', 'theme'),
      outside('Two Moons', 'an emerald planet with two moons', 'drift'),
      outside('The Night We Looked Up', 'the milky way over dark mountains', 'nocturne'),
      inside('Signal Lost', 'a starship window, a cold blue nebula', 'drift'),
      outside('City of Tomorrow', 'a neon city skyline, cyberpunk, purple', 'beat'),
      outside('Red Planet', 'a red desert with a canyon, alien and silent', 'theme'),
      outside('Slow Orbit', 'a blue planet in outer space', 'drift'),
      outside('The Rose Nebula', 'a rose nebula and a far planet', 'drift'),
      outside('Aurora Protocol', 'the aurora over a lake', 'drift'),
      inside('Homeward', 'a space station window toward a ringed planet', 'theme'),
    ],
    ensembles: [
      ['pads', 'drone', 'bells'],
      ['pads', 'choir', 'drone'],
      ['strings', 'pads', 'soft bass'],
      ['piano', 'pads', 'drone'],
      ['organ', 'pads', 'choir'],
      ['harp', 'pads', 'soft bass'],
    ],
    forms: ['drift', 'theme'],
    tempo: [50, 80],
    keys: ['C lydian', 'D minor', 'E minor', 'A minor', 'F lydian', 'C minor'],
    accents: ['deep violet tones', 'teal and magenta tones', 'cold blue tones', 'golden dust'],
    lights: ['glowing starlight', 'soft distant light', 'luminous haze'],
    moods: ['vast', 'ethereal', 'mysterious'],
  },
  {
    name: 'meditation',
    words:
      /\b(meditat\w+|yoga|zen|spa|mindful\w*|healing|reiki|chakra|tibetan|japan\w*|tea|prayer|worship|gregorian|spiritual)\b/,
    scenes: [
      outside('The Tea House', 'a japanese tea house with cherry blossoms and a pond', 'drift'),
      outside('Breath of the Mountain', 'a misty mountain lake', 'drift'),
      outside('Bamboo and Light', 'a green forest with soft light shafts', 'drift'),
      outside('Stone and Water', 'a zen garden with a pagoda by the water', 'drift'),
      inside('Candle Vigil', 'a temple chapel with many candles', 'hymn'),
      outside('The Still Shore', 'a calm sea', 'drift'),
      outside('Lotus Pond', 'a garden pond with a pagoda and lanterns', 'drift'),
      outside('Desert Silence', 'quiet desert dunes', 'drift'),
      outside('Above the Clouds', 'mountain peaks above the mist', 'hymn'),
      outside('Listening to Stars', 'the starry sky over hills', 'drift'),
      outside('A Path of Moss', 'a mossy forest path with a stream', 'drift'),
      outside('Petals Falling', 'a garden of cherry blossoms', 'drift'),
    ],
    ensembles: [
      ['flute', 'drone', 'bells'],
      ['bells', 'pads', 'drone'],
      ['harp', 'flute', 'drone'],
      ['choir', 'drone', 'bells'],
      ['pads', 'piano', 'bells'],
    ],
    forms: ['drift', 'hymn'],
    tempo: [46, 66],
    keys: ['C pentatonic', 'G pentatonic', 'A minor', 'D dorian', 'F major', 'E minor'],
    accents: ['jade tones', 'soft pastel tones', 'drifting mist', 'pale blossoms'],
    lights: ['soft morning light', 'gentle light', 'warm low light'],
    moods: ['peaceful', 'serene', 'still'],
  },
  {
    name: 'horror',
    words:
      /\b(horror|dark(?! academia)|gothic|haunt\w+|ghost\w*|vampire\w*|halloween|witch\w*|eerie|creepy|spooky|crypt|noir|mystery)\b/,
    scenes: [
      outside('The House That Waits', 'a foggy village at night, one lit window', 'waltz'),
      inside('The Last Candle', 'a gothic chapel with candles at midnight', 'hymn'),
      outside('What the Forest Kept', 'a dark misty forest at night', 'drift'),
      inside('Waltz of the Departed', 'an abandoned ballroom at night, cold moonlight, chandeliers', 'waltz'),
      outside('Castle of the Count', 'a gothic castle in the fog at night', 'march'),
      inside('The Forbidden Shelf', 'an old library at midnight, candles', 'nocturne'),
      outside('No Ships Tonight', 'a lighthouse in a storm at night', 'theme'),
      outside('Black Lake', 'a dark lake in the mist', 'drift'),
      inside('Ashes', 'a dying fireplace in an old room', 'nocturne'),
      outside('Thirteen Crows', 'dark mountains under the moon, mist', 'theme'),
      inside('The Empty Throne', 'a throne room in cold moonlight', 'march'),
      outside('Rain on Mercy Street', 'a noir city skyline in the rain at night', 'nocturne'),
    ],
    ensembles: [
      ['organ', 'strings', 'drone'],
      ['music box', 'strings', 'drone'],
      ['choir', 'organ', 'bells'],
      ['piano', 'drone', 'bells'],
      ['strings', 'choir', 'soft bass'],
    ],
    forms: ['waltz', 'nocturne', 'drift'],
    tempo: [54, 88],
    keys: dark,
    accents: ['creeping fog', 'violet shadows', 'cold blue tones', 'deep shadows'],
    lights: ['cold moonlight', 'faint candlelight', 'eerie glow'],
    moods: ['dark', 'mysterious', 'haunting'],
  },
  {
    name: 'epic',
    words: /\b(epic|cinematic|battle\w*|heroic|orchestral|trailer|war|warriors?|legend\w*|myth\w*|empire)\b/,
    scenes: [
      outside('Banners at First Light', 'a fortress above the mountains', 'march'),
      outside('The Ride North', 'vast snowy mountain ridges', 'theme'),
      inside('Oath in the Great Hall', 'a great throne hall with columns', 'hymn'),
      outside('Sails Against the Storm', 'a ship in a storm at sea', 'theme'),
      outside('Across the Burning Sands', 'desert dunes with a caravan', 'march'),
      outside('Crown of the World', 'high peaks over a lake', 'theme'),
      outside('Empire of Stone', 'pyramids in the desert', 'march'),
      outside('The Beacon', 'a lighthouse over wild cliffs', 'theme'),
      outside('Beneath the Ancient Trees', 'an ancient forest with light shafts', 'hymn'),
      outside('The Sky Is on Fire', 'a mountain range under a crimson sky', 'march'),
      outside('The Long Night', 'a castle under the aurora', 'theme'),
      outside('Homecoming', 'a village in the valley below the castle', 'ballad'),
    ],
    ensembles: [
      ['strings', 'choir', 'light percussion'],
      ['strings', 'organ', 'light percussion'],
      ['choir', 'strings', 'bells'],
      ['strings', 'harp', 'light percussion'],
      ['strings', 'choir', 'drone', 'light percussion'],
    ],
    forms: ['march', 'theme', 'hymn'],
    tempo: [84, 132],
    keys: dark,
    accents: ['dramatic clouds', 'golden rim light', 'crimson sky', 'vast scale'],
    lights: ['dramatic light', 'low golden light', 'storm light'],
    moods: ['heroic', 'majestic', 'powerful'],
  },
  {
    name: 'nature',
    words:
      /\b(nature|forests?|woods?|woodland|mountains?|gardens?|meadows?|spring|autumn|river|birds?|countryside|cottage\w*|rain\w*|acoustic|folk|pastoral|desert\w*|lakes?|fairy\w*)\b/,
    scenes: [
      outside('Light Through the Leaves', 'a green forest with light shafts', 'ballad'),
      outside('The Mountain Lake', 'a mountain lake with pines', 'drift'),
      outside('Wildflower Hours', 'a meadow of wildflowers with a pavilion', 'waltz'),
      outside('The Old Stone Path', 'an autumn forest path', 'ballad'),
      outside('Where the Stream Begins', 'a forest stream among ferns', 'drift'),
      outside('Ridge After Ridge', 'misty mountain ridges', 'theme'),
      outside('Orchard in Bloom', 'a garden with blossom trees', 'waltz'),
      outside('Cottage in the Valley', 'a cottage village in a green valley', 'dance'),
      outside('Fireflies at the Edge of the Wood', 'an enchanted forest with fireflies', 'lullaby'),
      outside('Dunes at Rest', 'desert dunes with a caravan', 'drift'),
      outside('Salt and Wind', 'sea cliffs and waves', 'theme'),
      outside('Night on the Hill', 'a lone tree below the starry sky', 'nocturne'),
    ],
    ensembles: [
      ['guitar', 'flute', 'light percussion'],
      ['harp', 'flute', 'strings'],
      ['guitar', 'strings'],
      ['piano', 'strings', 'flute'],
      ['harp', 'pads', 'bells'],
      ['guitar', 'harp', 'soft bass'],
    ],
    forms: ['ballad', 'theme', 'waltz', 'drift'],
    tempo: [62, 98],
    keys: bright,
    accents: ['lush greens', 'soft haze', 'pastel sky', 'golden leaves'],
    lights: ['soft natural light', 'warm low light', 'gentle light'],
    moods: ['peaceful', 'fresh', 'warm'],
  },
];
