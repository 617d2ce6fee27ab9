
// Runs behind axe-core in a copy of a report: what it finds serious goes into the title.
'use strict';
axe.run(document, {resultTypes: ['violations']}).then(found => {
    const serious = found.violations.filter(one => one.impact === 'serious' || one.impact === 'critical');
    const others = found.violations.filter(one => !serious.includes(one));
    const text = list => list.map(one => `${one.id} ${one.nodes.length} times, at ${one.nodes[0].target}`).join('; ');
    document.title = `AXE ${serious.length} serious ${text(serious)}; ${others.length} others ${text(others)}`;
});
