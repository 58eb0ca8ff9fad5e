import { expect, test } from 'bun:test';
import { callAs } from './call-as.ts';

test.each([
  ['./causeway', 'causeway up local makes it', './causeway up local makes it'],
  ['./causeway', 'then run causeway doctor again', 'then run ./causeway doctor again'],
  ['./causeway', 'did you mean causeway up?', 'did you mean ./causeway up?'],
  ['../a tool/causeway', 'causeway --help', "'../a tool/causeway' --help"],
  ["it's/causeway", 'causeway logs · causeway down', "'it'\\''s/causeway' logs · 'it'\\''s/causeway' down"],
  ['causeway', 'causeway up', 'causeway up'],
  ['./causeway', 'write it to /home/ada/causeway folder', 'write it to /home/ada/causeway folder'],
  ['./causeway', 'cp causeway.config.ts there', 'cp causeway.config.ts there'],
])('called as %s, "%s" is shown as it can be typed', (command, text, shown) => {
  expect(callAs(command, text)).toBe(shown);
});
