/** Speech for tests: sentences said one after the other at an ordinary pace, with a silence where a line is empty. */
import type { Spoken, SpokenSegment, SpokenWord } from '@reelfleet/core';

const WORD_SECONDS = 0.4;
const BETWEEN_SENTENCES = 0.3;
const SILENCE_SECONDS = 1.2;

/** Each line is a sentence; times as a recogniser would give them. */
export function spokenText(text: string, language = 'en'): Spoken {
  const words: SpokenWord[] = [];
  const segments: SpokenSegment[] = [];
  let at = 0.5;
  const round = (time: number) => Math.round(time * 100) / 100;
  for (const line of text.trim().split('\n')) {
    const said = line.trim().split(/\s+/).filter(Boolean);
    if (said.length === 0) {
      at += SILENCE_SECONDS;
      continue;
    }
    const start = at;
    for (const word of said) {
      words.push({ word, start: round(at), end: round(at + WORD_SECONDS - 0.05) });
      at += WORD_SECONDS;
    }
    segments.push({ text: said.join(' '), start: round(start), end: round(at - 0.05) });
    at += BETWEEN_SENTENCES;
  }
  return { language, words, segments };
}

/** Three talks in one: volcanoes, bees, bread. */
export const threeTopics = `
A volcano is an opening in the crust of the earth.
Hot magma rises from below and collects in a chamber under the volcano.
When the pressure of the magma grows too high the volcano erupts.
Lava flows down its slopes and ash rises into the sky.
Some eruptions of lava are slow and quiet, others throw ash for hundreds of kilometres.
People who live near a volcano watch the ash and the lava every day.
The magma that has cooled becomes new rock.

Bees live together in a hive with a single queen.
The worker bees fly from flower to flower and collect nectar.
In the hive the nectar becomes honey, which feeds the bees in winter.
A bee tells the others where the flowers are with a dance.
Without bees many flowers and fruits would never be pollinated.
A strong hive gives the beekeeper thirty kilos of honey in a good year.
The queen lays up to two thousand eggs a day so that the hive grows.

Good bread needs only flour, water, salt and time.
The baker mixes the flour with water and lets the dough rest.
Yeast makes the dough rise, because it turns sugar into gas.
Kneading the dough makes the bread light and gives it a fine crumb.
A hot oven gives the bread its crust.
Let the bread cool before you cut it, or the crumb will stick to the knife.
Old dough kept from yesterday gives the bread of today a better taste.
`;
