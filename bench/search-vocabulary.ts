/**
 * The words that the transcripts of the search benchmark are made of, most frequent first. The top are those of spoken English
 * (half of what anybody says are its first hundred words, and nearly all of these are stop words); below them come common
 * words with a meaning, and below those as many made of syllables as are wanted, with the endings that stemming takes off.
 */

const STOP =
  'the and to of a i in it is that you was for on are with as they be at one have this from or had by not but what all were we when your can said there use an each which she do how their if will up other about out many then them these so some her would make like him into has more two go see no way could my than been who its now did get come may over new just any also after back where most very should'.split(
    ' ',
  );

const COMMON =
  'people time work life world school state family student group country problem hand place case week company system program question government number night point home water room mother area money story fact month right study book eye job word business issue side kind head house service friend father power hour game line member law car city community name president team minute idea kid body information parent face others level office door health person art war history party result change morning reason research girl guy moment air teacher force education foot boy age policy music market nation plan college interest death course experience behavior heart video machine learning data model computer light energy price garden kitchen river mountain engine bridge language nature rain winter summer science practice habit success attention memory future doctor medicine food bread coffee paint color paper letter network internet phone camera picture film actor theater song guitar piano drum dance ball player coach season record weather storm ocean island animal bird horse forest tree flower seed farmer field harvest village street train station airport flight pilot ship captain soldier border peace treaty election vote judge court lawyer crime prison police fire rescue hospital nurse patient brain blood muscle bone skin sleep dream fear anger joy love trust promise secret truth lie mistake lesson answer test exam grade degree career boss salary tax bank loan debt budget trade factory worker union strike tool metal wood glass stone sand gold silver oil gas coal wind solar battery wire signal radio screen button key lock code software error bug update version server cloud token queue lease worker pipeline'.split(
    ' ',
  );

const ONSETS = [
  'b',
  'br',
  'c',
  'ch',
  'd',
  'dr',
  'f',
  'fl',
  'g',
  'gr',
  'h',
  'j',
  'k',
  'l',
  'm',
  'n',
  'p',
  'pl',
  'r',
  's',
];
const VOWELS = ['a', 'e', 'i', 'o', 'u', 'ea', 'ai', 'oo'];
const CODAS = ['', 'n', 'r', 'l', 'st', 'm', 'nd', 'ck', 'sh', 'rt'];
const ENDINGS = ['', '', 's', 'ed', 'ing', 'er', 'ly', 'ness', 'ation', 'able'];

/** `count` different words by rank. */
export function vocabulary(count: number): string[] {
  const words = new Set([...STOP, ...COMMON]);
  for (let n = 0; words.size < count; n += 1) {
    // Steps that share no factor with the sizes, so that neighbours do not look alike.
    const part = (from: readonly string[], step: number) => from[Math.floor(n / step) % from.length];
    words.add(
      [
        part(ONSETS, 1),
        part(VOWELS, 20),
        part(CODAS, 7),
        part(ONSETS, 160),
        part(VOWELS, 3),
        part(CODAS, 13),
        part(ENDINGS, 11),
      ].join(''),
    );
  }
  return [...words].slice(0, count);
}

/** How many of the first are stop words: queries of the benchmark start below them. */
export const STOP_WORDS = STOP.length;
