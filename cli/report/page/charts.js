// Sums by process and by module, file or peer, as bars.

function amountText(chart, amount) {
    return chart.unit === 'bytes' ? bytesText(amount) : grouped(amount);
}

// One bar: what it is of, how much, and which part of all.
function barRow(chart, label, one, highest) {
    const bar = make('i', null), share = Number(one.amount) / Math.max(1, Number(chart.total)) * 100;
    bar.style.width = Math.max(0.3, Number(one.amount) / Math.max(1, highest) * 100) + '%';
    return make('tr', null, make('th', {scope: 'row'}, label), make('td', {className: 'bar', 'aria-hidden': 'true'}, bar),
        make('td', {className: 'k-number', title: `${grouped(one.amount)} ${chart.unit}`}, amountText(chart, one.amount)),
        make('td', {className: 'k-number'}, share.toFixed(1) + ' %'));
}

function bars(chart, title, list, all, label) {
    const highest = Math.max(0, ...list.map(one => Number(one.amount)));
    return make('div', null,
        make('table', {className: 'bars'}, make('caption', null, title),
            make('thead', null, make('tr', null, make('th', {scope: 'col'}, title.replace('By ', '')),
                make('td', null), make('th', {scope: 'col'}, chart.unit), make('th', {scope: 'col'}, 'share'))),
            make('tbody', null, list.map(one => barRow(chart, label(one), one, highest)))),
        all > list.length ? more(`${grouped(all - list.length)} more with less are not shown.`) : null);
}

function processLabel(one) {
    const id = one.process_id === null ? '' : ` (${one.process_id})`;
    return [processName(one.life, one.process || 'not known'), id];
}

function pairTable(chart) {
    return new Table({id: chart.id + '-pairs', title: `${chart.title} by process and ${chart.label}`, level: 'h4',
        columns: ['process', 'id', {name: chart.label, kind: 'text'}, {name: 'events', kind: 'number'},
            {name: chart.unit, kind: 'number'}],
        rows: chart.pairs.map(one => [one.process || '', one.process_id, one.label, one.events, one.amount]),
        lives: chart.pairs.map(one => one.life), all: chart.pairs_all});
}

function showCharts() {
    for (const chart of data.charts) {
        const pairs = pairTable(chart);
        pairs.place.open = false;
        show('activities', make('section', {className: 'chart', id: chart.id},
            make('h3', null, `${chart.title} (${amountText(chart, chart.total)}` +
                `${chart.unit === 'bytes' ? '' : ' ' + chart.unit})`),
            make('p', null, chart.explanation, chart.idle ? ` ${grouped(chart.idle)} more ${chart.unit} found a ` +
                'processor idle and are left out.' : ''),
            make('div', {className: 'pair'},
                bars(chart, 'By process', chart.processes, chart.processes_all, processLabel),
                bars(chart, 'By ' + chart.label, chart.labels, chart.labels_all, one => one.label)),
            pairs.place));
    }
}
