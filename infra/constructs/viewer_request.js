// Runs in CloudFront before anything else sees a request. The two constants before it are written by viewer_request.py.

function handler(event) {
    var request = event.request;
    var host = request.headers.host ? request.headers.host.value.toLowerCase() : '';
    if (host === SHORT_DOMAIN) {
        return redirect(pagesPath(request.uri));
    }
    // Whatever a client has written there itself is overwritten.
    request.headers['x-stamkunde-client-ip'] = { value: event.viewer.ip };
    return request;
}

function pagesPath(path) {
    var club = /^\/c\/([a-z0-9-]+)$/.exec(path);
    if (club) {
        return '/m/' + club[1];
    }
    var terms = /^\/t\/([a-z0-9-]+)$/.exec(path);
    if (terms) {
        return '/' + terms[1] + '/terms/changes';
    }
    var link = /^\/([A-Za-z0-9]+)$/.exec(path);
    return link ? '/l/' + link[1] : '/';
}

function redirect(path) {
    return {
        statusCode: 302,
        statusDescription: 'Found',
        headers: {
            location: { value: 'https://' + PAGES_DOMAIN + path },
            'cache-control': { value: 'no-store' },
        },
    };
}
