package environment

// Provision keeps n environments of the pool initialised, whether anybody asks for
// them or not. It returns at once; Provisioned tells how far it is.
func (p *Pool) Provision(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.provisioned, p.provisionFailed = n, ""
	for len(p.all) < n {
		e, err := newEnvironment(p)
		if err != nil {
			p.provisionFailed = err.Error()
			return
		}
		p.all[e] = struct{}{}
		p.warming++
		go p.warm(e)
	}
}

// Provisioned returns how many of the provisioned environments are ready, and the
// error type of an INIT that failed, "" for none.
func (p *Pool) Provisioned() (ready int, failed string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(len(p.all)-p.warming, p.provisioned), p.provisionFailed
}

// warm initialises an environment that nobody has acquired, and puts it with the
// idle ones.
func (p *Pool) warm(e *Environment) {
	r := e.attemptInit(initTimeout, phaseInit)
	p.mu.Lock()
	p.warming--
	if r.status == statusSuccess && !p.closed {
		p.idle = append(p.idle, e)
		p.mu.Unlock()
		return
	}
	if r.status != statusSuccess {
		p.provisionFailed = r.errorType
		if p.provisionFailed == "" {
			p.provisionFailed = r.status
		}
		e.log.initReport(r.took, phaseInit, r.status, r.errorType)
	}
	p.mu.Unlock()
	p.destroy(e)
}
