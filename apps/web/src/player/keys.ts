/** What the keys do in a player, as everybody knows them from elsewhere. Pure. */

export type Wish =
  | { do: 'toggle' | 'mute' | 'fullscreen' | 'captions' }
  | { do: 'move'; seconds: number }
  | { do: 'go'; fraction: number }
  | { do: 'volume'; by: number };

interface Pressed {
  key: string;
  altKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
}

/**
 * What is meant; null for a key that is not ours. `on` is the kind of control that has the focus: a button takes the
 * space bar for itself, a list its arrows and letters.
 */
export function wishOf(
  { key, altKey, ctrlKey, metaKey }: Pressed,
  on: 'button' | 'list' | 'volume' | null,
): Wish | null {
  if (altKey || ctrlKey || metaKey || on === 'list') return null;
  if (/^\d$/.test(key)) return { do: 'go', fraction: Number(key) / 10 };
  switch (key.toLowerCase()) {
    case ' ':
      return on === 'button' ? null : { do: 'toggle' };
    case 'k':
      return { do: 'toggle' };
    case 'arrowleft':
      return on === 'volume' ? { do: 'volume', by: -0.1 } : { do: 'move', seconds: -5 };
    case 'arrowright':
      return on === 'volume' ? { do: 'volume', by: 0.1 } : { do: 'move', seconds: 5 };
    case 'j':
      return { do: 'move', seconds: -10 };
    case 'l':
      return { do: 'move', seconds: 10 };
    case 'arrowup':
      return { do: 'volume', by: 0.1 };
    case 'arrowdown':
      return { do: 'volume', by: -0.1 };
    case 'home':
      return { do: 'go', fraction: 0 };
    case 'end':
      return { do: 'go', fraction: 1 };
    case 'm':
      return { do: 'mute' };
    case 'f':
      return { do: 'fullscreen' };
    case 'c':
      return { do: 'captions' };
    default:
      return null;
  }
}
