package serve

import (
	"net"
	"strconv"
	"strings"
	"sync"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/functionurl"
	"github.com/sluice-run/sluice/internal/lambdaapi"
	"github.com/sluice-run/sluice/internal/registry"
)

// urls finds the Function URLs of the registry. Its table is made again when a
// record has changed.
type urls struct {
	registry *registry.Registry
	// revision grows with every change of the registry.
	revision func() uint64
	identity sluice.Identity
	// scheme is "http" or "https".
	scheme string
	domain string
	addr   *net.TCPAddr

	mu         sync.RWMutex
	made       uint64
	filled     bool
	byID       map[string]sluice.FunctionURL
	byFunction map[[2]string]sluice.FunctionURL
}

var _ functionurl.URLs = (*urls)(nil)

// ByID finds a URL by the first label of its host.
func (u *urls) ByID(id string) (sluice.FunctionURL, bool) {
	u.refresh()
	u.mu.RLock()
	defer u.mu.RUnlock()
	url, ok := u.byID[id]
	return url, ok
}

// ByFunction finds the URL of a function or of one of its aliases.
func (u *urls) ByFunction(name, qualifier string) (sluice.FunctionURL, bool) {
	u.refresh()
	u.mu.RLock()
	defer u.mu.RUnlock()
	url, ok := u.byFunction[[2]string{name, qualifier}]
	return url, ok
}

func (u *urls) refresh() {
	now := u.revision()
	u.mu.RLock()
	fresh := u.filled && u.made == now
	u.mu.RUnlock()
	if fresh {
		return
	}
	functions, err := u.registry.Functions()
	if err != nil {
		return // the records that can be read stay in service
	}
	byID, byFunction := map[string]sluice.FunctionURL{}, map[[2]string]sluice.FunctionURL{}
	for _, f := range functions {
		for qualifier, c := range f.URLs {
			url := sluice.FunctionURL{
				ID: c.ID, Function: f.Name, Qualifier: qualifier, AuthType: c.AuthType, Mode: c.Mode, CORS: c.CORS,
				Public: lambdaapi.Public(f.Policies[qualifier], u.identity.FunctionARN(f.Name, qualifier)),
			}
			if url.Mode == "" {
				url.Mode = sluice.Buffered
			}
			byID[url.ID], byFunction[[2]string{f.Name, qualifier}] = url, url
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.filled || now > u.made {
		u.byID, u.byFunction, u.made, u.filled = byID, byFunction, now, true
	}
}

// host is the address of a Function URL.
func (u *urls) host(id string) string {
	host := id + ".lambda-url." + u.domain
	if port := u.addr.Port; !(u.scheme == "https" && port == 443 || u.scheme == "http" && port == 80) {
		host += ":" + strconv.Itoa(port)
	}
	return u.scheme + "://" + host + "/"
}

// serves tells whether a host name is the API's or a Function URL's.
func (u *urls) serves(name string) bool {
	if name == u.domain {
		return true
	}
	id, ours := strings.CutSuffix(name, ".lambda-url."+u.domain)
	if !ours {
		return false
	}
	_, known := u.ByID(id)
	return known
}

// base is an address of the listener that works on this machine.
func (u *urls) base() string {
	ip := u.addr.IP
	if ip.IsUnspecified() {
		ip = net.IPv4(127, 0, 0, 1)
	}
	return u.scheme + "://" + net.JoinHostPort(ip.String(), strconv.Itoa(u.addr.Port))
}
