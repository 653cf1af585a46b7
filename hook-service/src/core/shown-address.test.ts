import { shownAddress } from './shown-address';

describe('an address that people and models may read', () => {
  it.each([
    ['http://mcp-notes:48001/mcp', 'http://mcp-notes:48001/mcp'],
    ['http://localhost:8080/api/v1/mcp/', 'http://localhost:8080/api/v1/mcp/'],
    ['http://user:pass@host/mcp', 'http://host/mcp'],
    ['https://host/s/x9F2kk21Lq/mcp', 'https://host/s/…/mcp'],
    ['https://host/mcp?token=abc', 'https://host/mcp?…'],
    ['no address', ''],
  ])('%s is shown as %s', (address, shown) => expect(shownAddress(address)).toBe(shown));
});
