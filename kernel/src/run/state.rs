//! The state of a run.

use crate::client::agent::{Agent, Callbacks};
use crate::client::local_state::LocalState;
use crate::client::order_entry::OrderEntry;
use crate::client::quoter::Quoter;
use crate::client::session::Session;
use crate::contract::codes::Ns;
use crate::contract::plan::{Plan, SessionPlan};
use crate::exchange::market::Market;
use crate::exchange::outbox::Outbox;
use crate::record::recorder::Recorder;
use crate::run::delivery::{AfterCallback, PacketDelivery};
use crate::run::lifecycle::Stage;
use crate::run::schedule::{Schedule, NOTHING};
use crate::wire::channels::Channels;
use crate::wire::view::DeliveredPacket;

/// One run of the kernel.
pub struct Run {
    /// What to do.
    pub plan: Plan,
    /// The exchange, one market per instrument.
    pub markets: Vec<Market>,
    /// The strategies.
    pub agents: Vec<Agent>,
    /// What each strategy knows and wants, by instrument and agent.
    pub sessions: Vec<Vec<Session>>,
    /// The strategies' channels and the result tables.
    pub outbox: Outbox,
    /// The time of the run, nanoseconds.
    pub now_ns: Ns,
    /// When the strategies started, nanoseconds.
    pub start_ns: Ns,
    /// The first strategy that has asked for the end of the run, and why.
    pub stop: Option<(usize, String)>,
    /// True once `finish` has been called.
    pub is_over: bool,
    pub(super) sample_ns: Ns,
    pub(super) stage: Stage,
    /// The instrument that needs rows before the run can go on.
    pub(super) out_of_rows: Option<usize>,
    pub(super) packet: Option<PacketDelivery>,
    pub(super) delivered: DeliveredPacket,
    pub(super) after_callback: Option<AfterCallback>,
    pub(super) schedule: Schedule,
}

impl Run {
    /// Make a run; it begins by asking for the first batch of each instrument.
    pub fn new(plan: Plan, agents: Vec<Agent>) -> Self {
        let mut markets: Vec<Market> = (0..plan.instruments.len()).map(|i| Market::new(i, &plan)).collect();
        for market in &mut markets {
            market.view.has_packet_subscribers = agents
                .iter()
                .any(|agent| agent.callbacks.have(Callbacks::BOOK) || agent.callbacks.have(Callbacks::TRADE));
            market.view.has_print_subscribers = agents.iter().any(|agent| agent.callbacks.have(Callbacks::TRADE));
            market.update_filter();
        }
        let mids2 = vec![None; markets.len()];
        let session = |i: usize, of: &SessionPlan| Session {
            local_state: LocalState::new(&plan.instruments[i], of.max_position, of.initial_position),
            quoter: Quoter::default(),
        };
        let of_instrument = |i: usize| plan.agents.iter().map(|agent| session(i, &agent.sessions[i])).collect();
        let sessions = (0..plan.instruments.len()).map(of_instrument).collect();
        let channels = plan.agents.iter().flat_map(|agent| agent.channels.iter().map(Channels::new)).collect();
        let recorder = Recorder::new(plan.markouts_ns.clone(), agents.len());
        let changed = (0..agents.len()).collect();
        let outbox = Outbox { channels, venues: plan.venues(), changed, recorder, mids2 };
        let schedule = Schedule::new(agents.len(), NOTHING);
        Run {
            plan,
            markets,
            agents,
            sessions,
            outbox,
            now_ns: 0,
            start_ns: 0,
            stop: None,
            is_over: false,
            sample_ns: 0,
            stage: Stage::First,
            out_of_rows: None,
            packet: None,
            delivered: DeliveredPacket::default(),
            after_callback: None,
            schedule,
        }
    }

    /// Return the sender of requests of a strategy in an instrument.
    pub fn order_entry(&mut self, agent: usize, instrument: usize) -> OrderEntry<'_> {
        let venue = self.plan.instruments[instrument].venue;
        let (channels, recorder) = self.outbox.parts_of(agent, venue);
        OrderEntry {
            agent: &mut self.agents[agent],
            channels,
            session: &mut self.sessions[instrument][agent],
            recorder,
            instrument,
        }
    }
}
