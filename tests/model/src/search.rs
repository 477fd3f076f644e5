//! Visits every state that can be reached, breadth first: the way to a violation is the shortest.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    fmt,
    hash::{BuildHasherDefault, Hasher},
};

use crate::{
    events, operator,
    property::{Property, check_state, check_step, is_at_rest},
    run,
    step::{Broken, Nature, Outlook, Step, Transition, Transitions},
    watch,
    world::World,
};

/// A search through the protocol, as it is meant or broken.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    broken: Broken,
    wanted: Option<Property>,
}

/// What a search has visited that found no violation.
#[derive(Debug)]
pub struct Proof {
    /// The number of states.
    pub states: usize,
    /// The number of transitions between them.
    pub transitions: usize,
    /// The number of states in which nothing remains to be done.
    pub at_rest: usize,
    /// How often each step was taken.
    pub taken: BTreeMap<Step, usize>,
}

/// The shortest way to a violation. Its text names each step, and the state after it.
#[derive(Debug)]
pub struct Counterexample {
    property: Property,
    /// The states, each with the step that led to it; the first with none.
    trace: Vec<(Option<Step>, World)>,
}

impl Counterexample {
    /// The property that is violated.
    #[must_use]
    pub fn property(&self) -> Property {
        self.property
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?} is violated:", self.property)?;
        for (step, world) in &self.trace {
            match step {
                Some(step) => writeln!(f, "  {step:?}: {world}")?,
                None => writeln!(f, "  start: {world}")?,
            }
        }
        Ok(())
    }
}

impl Search {
    /// The protocol, broken or not.
    #[must_use]
    pub fn new(broken: Broken) -> Self {
        Self { broken, wanted: None }
    }

    /// Goes on after violations of other properties.
    #[must_use]
    pub fn only(self, property: Property) -> Self {
        Self { wanted: Some(property), ..self }
    }

    /// Visits every state, and checks every property.
    ///
    /// # Errors
    /// The shortest way to the first violation that is wanted.
    pub fn run(self) -> Result<Proof, Counterexample> {
        let mut graph = Graph::default();
        for start in World::starts() {
            self.visit(&mut graph, start, None)?;
        }
        let (mut next, mut transitions, mut taken) = (0, 0, BTreeMap::new());
        let mut found = Transitions::default();
        while let Some(world) = graph.worlds.get(next).copied() {
            self.find_transitions(&world, &mut found);
            for transition in found.0.drain(..) {
                // A fault that changes nothing is none.
                if transition.world == world && transition.nature == Nature::Free {
                    continue;
                }
                self.follow(&mut graph, next, transition)?;
                *taken.entry(transition.step).or_default() += 1;
                transitions += 1;
            }
            next += 1;
        }
        for outlook in [Outlook::Stored, Outlook::Skipped, Outlook::Parked] {
            if let Some(endless) = graph.find_endless(outlook) {
                self.refuse(Property::EveryJobEnds, || {
                    self.find_circle(&graph, &endless, outlook)
                })?;
            }
        }
        let at_rest = graph.worlds.iter().filter(|world| is_at_rest(world)).count();
        Ok(Proof { states: graph.worlds.len(), transitions, at_rest, taken })
    }

    fn find_transitions(self, world: &World, out: &mut Transitions) {
        run::add_steps(self.broken, world, out);
        watch::add_steps(self.broken, world, out);
        operator::add_steps(self.broken, world, out);
        events::add_webhooks(world, out);
        events::add_events(self.broken, world, out);
    }

    /// Visits the state after a step.
    fn follow(
        self,
        graph: &mut Graph,
        from: usize,
        transition: Transition,
    ) -> Result<(), Counterexample> {
        let Transition { step, nature, world } = transition;
        let before = graph.worlds.get(from);
        if let Some(property) = before.and_then(|before| check_step(before, step, &world)) {
            self.refuse(property, || {
                let mut way = graph.find_way(from);
                way.push((Some(step), world));
                way
            })?;
        }
        let to = self.visit(graph, world, Some((from, step)))?;
        if nature == Nature::Fair
            && let Some(sources) = graph.sources.get_mut(to)
        {
            sources.push((from, step));
        }
        Ok(())
    }

    /// The number of a state, new or not.
    fn visit(
        self,
        graph: &mut Graph,
        world: World,
        from: Option<(usize, Step)>,
    ) -> Result<usize, Counterexample> {
        let world = world.normalize(self.broken.is_fenced());
        let number = graph.worlds.len();
        match graph.numbers.entry(world.to_number()) {
            Entry::Occupied(known) => return Ok(*known.get()),
            Entry::Vacant(new) => new.insert(number),
        };
        graph.worlds.push(world);
        graph.parents.push(from);
        graph.sources.push(Vec::new());
        match check_state(&world) {
            Some(property) => self.refuse(property, || graph.find_way(number)).map(|()| number),
            None => Ok(number),
        }
    }

    /// The way to a state without an end, and from there to the circle, once around.
    fn find_circle(
        self,
        graph: &Graph,
        endless: &Endless,
        outlook: Outlook,
    ) -> Vec<(Option<Step>, World)> {
        let mut way = graph.find_way(endless.first);
        let (mut last, mut found) = (endless.first, Transitions::default());
        let mut visited = BTreeSet::new();
        while visited.insert(last) {
            let Some(world) = graph.worlds.get(last) else {
                break;
            };
            self.find_transitions(world, &mut found);
            let fair = found.0.drain(..).filter(|it| it.nature == Nature::Fair);
            let mut taken = fair.filter(|it| it.step.is_taken(outlook)).filter_map(|it| {
                let after = it.world.normalize(self.broken.is_fenced());
                let number = graph.numbers.get(&after.to_number()).copied()?;
                let has_exits = endless.exits.get(number).is_some_and(|exits| *exits > 0);
                has_exits.then_some((number, it.step, after))
            });
            let Some((number, step, after)) = taken.next() else {
                break;
            };
            way.push((Some(step), after));
            last = number;
        }
        way
    }

    fn refuse(
        self,
        property: Property,
        find_trace: impl FnOnce() -> Vec<(Option<Step>, World)>,
    ) -> Result<(), Counterexample> {
        if self.wanted.is_some_and(|wanted| wanted != property) {
            return Ok(());
        }
        Err(Counterexample { property, trace: find_trace() })
    }
}

/// Every state that was found, and how. Graphs have millions of transitions, so states are numbers.
#[derive(Default)]
struct Graph {
    worlds: Vec<World>,
    /// By [`World::to_number`].
    numbers: HashMap<u64, usize, BuildHasherDefault<NumberHasher>>,
    /// The state and the step that led to each state first.
    parents: Vec<Option<(usize, Step)>>,
    /// The fair transitions to each state.
    sources: Vec<Vec<(usize, Step)>>,
}

/// States from which a job may not come to its end.
struct Endless {
    /// The one that was found first.
    first: usize,
    /// By state, how many transitions lead to states that are endless too.
    exits: Vec<u32>,
}

impl Graph {
    /// The shortest way from a start to a state.
    fn find_way(&self, to: usize) -> Vec<(Option<Step>, World)> {
        let mut way = Vec::new();
        let mut next = Some(to);
        while let Some(number) = next {
            let from = self.parents.get(number).copied().flatten();
            way.extend(self.worlds.get(number).map(|world| (from.map(|(_, step)| step), *world)));
            next = from.map(|(number, _)| number);
        }
        way.reverse();
        way
    }

    /// A state after which the job may not come to its end, although no fault happens any more:
    /// nothing follows and it is not at rest, or it can go on for ever.
    ///
    /// Removes the states from which nothing follows, then those from which only removed states
    /// follow, and so on. Whatever is left is on a circle, or on a way to one.
    fn find_endless(&self, outlook: Outlook) -> Option<Endless> {
        let mut exits = vec![0_u32; self.worlds.len()];
        for (source, _) in self.sources.iter().flatten().filter(|it| it.1.is_taken(outlook)) {
            if let Some(count) = exits.get_mut(*source) {
                *count += 1;
            }
        }
        let ends = exits.iter().enumerate().filter(|(_, exits)| **exits == 0);
        let mut removed: Vec<usize> = ends.map(|(number, _)| number).collect();
        let is_at_rest = |number: &usize| self.worlds.get(*number).is_some_and(is_at_rest);
        if let Some(stuck) = removed.iter().find(|number| !is_at_rest(number)) {
            return Some(Endless { first: *stuck, exits: Vec::new() });
        }
        while let Some(number) = removed.pop() {
            let sources = self.sources.get(number).into_iter().flatten();
            for (source, _) in sources.filter(|it| it.1.is_taken(outlook)) {
                let Some(count) = exits.get_mut(*source) else {
                    continue;
                };
                *count -= 1;
                if *count == 0 {
                    removed.push(*source);
                }
            }
        }
        let first = exits.iter().position(|exits| *exits > 0)?;
        Some(Endless { first, exits })
    }
}

/// A fast hash of one number: a search looks up tens of millions of them.
#[derive(Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (number ^ (number >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }
}
